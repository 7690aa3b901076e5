//! A certificate as the path validator looks at it: the parsed form, with its extensions at hand.

use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, NameConstraints, ParsedExtension, PolicyConstraints},
    oid_registry::Oid,
    prelude::FromDer as _,
};

use super::constraint::has_bounds;
use crate::certificate::{Certificate, PROCESSED_EXTENSIONS};

/// One certificate, with what validation asks of it beyond [`Certificate`].
pub(super) struct Profile<'c> {
    pub(super) certificate: &'c Certificate,
    pub(super) x509: X509Certificate<'c>,
    /// An extension that validation has to process and cannot read, or that stands twice.
    pub(super) malformed: Option<String>,
}

/// certificatePolicies and its companions (RFC 5280, sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14).
#[derive(Default)]
pub(super) struct Policies<'p> {
    pub(super) asserted: Option<Vec<&'p Oid<'p>>>,
    pub(super) mappings: Vec<(&'p Oid<'p>, &'p Oid<'p>)>,
    pub(super) constraints: Option<&'p PolicyConstraints>,
    pub(super) inhibit_any: Option<u32>,
}

impl<'c> Profile<'c> {
    /// `None` if the certificate cannot be parsed, which [`Certificate`] rules out.
    pub(super) fn of(certificate: &'c Certificate) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(certificate.der()).ok()?;
        let malformed = malformed(&x509);
        Some(Self { certificate, x509, malformed })
    }

    fn extensions(&self) -> impl Iterator<Item = &ParsedExtension<'c>> {
        self.x509.extensions().iter().map(|extension| extension.parsed_extension())
    }

    /// The names of subjectAltName.
    pub(super) fn alternative_names(&self) -> &[GeneralName<'c>] {
        let found = self.extensions().find_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(san) => Some(san.general_names.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    pub(super) fn name_constraints(&self) -> Option<&NameConstraints<'c>> {
        self.extensions().find_map(|extension| match extension {
            ParsedExtension::NameConstraints(constraints) => Some(constraints),
            _ => None,
        })
    }

    pub(super) fn policies(&self) -> Policies<'_> {
        let mut policies = Policies::default();
        for extension in self.extensions() {
            match extension {
                ParsedExtension::CertificatePolicies(list) => {
                    policies.asserted = Some(list.iter().map(|policy| &policy.policy_id).collect());
                }
                ParsedExtension::PolicyMappings(list) => {
                    let pairs = list.mappings.iter();
                    policies.mappings =
                        pairs.map(|pair| (&pair.issuer_domain_policy, &pair.subject_domain_policy)).collect();
                }
                ParsedExtension::PolicyConstraints(constraints) => policies.constraints = Some(constraints),
                ParsedExtension::InhibitAnyPolicy(inhibit) => policies.inhibit_any = Some(inhibit.skip_certs),
                _ => {}
            }
        }
        policies
    }
}

/// The first extension that is twice there (section 4.2), or that validation cannot read.
fn malformed(x509: &X509Certificate<'_>) -> Option<String> {
    let extensions = x509.extensions();
    for (n, extension) in extensions.iter().enumerate() {
        let oid = || extension.oid.to_id_string();
        if extensions.iter().take(n).any(|earlier| earlier.oid == extension.oid) {
            return Some(format!("the extension {} stands twice", oid()));
        }
        let readable = match extension.parsed_extension() {
            ParsedExtension::ParseError { .. } => !PROCESSED_EXTENSIONS.contains(&oid().as_str()),
            ParsedExtension::SubjectAlternativeName(san) => {
                !san.general_names.iter().any(|name| matches!(name, GeneralName::Invalid(..)))
            }
            ParsedExtension::NameConstraints(constraints) => {
                // Both absent says nothing, and minimum and maximum must not be used (section 4.2.1.10).
                (constraints.permitted_subtrees.is_some() || constraints.excluded_subtrees.is_some())
                    && !has_bounds(extension.value)
            }
            _ => true,
        };
        if !readable {
            return Some(format!("the extension {} cannot be read", oid()));
        }
    }
    None
}
