//! generate: a key and a self-signed certificate under an alias, by ArcGIS's fields.

use strongroom::{
    Error,
    issuance::{
        CertificateTemplate, IssuanceError, KeyKind, RequestedName, SignatureHash, Subject, SubjectAttribute,
    },
    keystore::GenerateRequest,
};

use super::{
    Answer, DonePage, GeneratePage, Page,
    import_server_certificate::{alias, missing},
    imported,
};
use crate::{
    error::{ApiError, Task, reply},
    request::{Request, User},
    state::ApiState,
    wire::{
        Format,
        field::{self, Kind, Names},
    },
};

const TASK: Task = Task::Generate;
/// ArcGIS's default.
const DAYS: u32 = 90;

pub(super) async fn generate(
    state: &ApiState,
    request: &mut Request,
    user: &User,
) -> Result<Answer, ApiError> {
    let alias = alias(request, TASK)?;
    let (template, key) = (template(request)?, key(request)?);
    let mut wanted = GenerateRequest::new(alias, template, state.now());
    wanted.template.hash = hash(request, key)?;
    wanted.key = key;
    wanted.days = days(request)?;
    wanted.options.replace = request.fields.boolean(field::REPLACE)?.unwrap_or(false);
    let actor = user.actor();
    let report = state.run(TASK, move |keystore| keystore.acting_as(&actor).generate(wanted)).await?;
    if request.format != Format::Html {
        return Ok(imported(request, report));
    }
    let (list, alias) = (request.address.list(), report.alias.key());
    let unknown =
        "Clients do not know it: have its request signed by your CA, and import the reply.".to_owned();
    Ok(Answer::Page(Page::Done(DonePage {
        title: "Generated",
        message: format!("{alias} has a new key and a certificate that is signed with it."),
        notes: vec![unknown],
        findings: report.findings,
        next: format!("{list}/{alias}"),
        next_label: "To the certificate",
        undo: None,
    })))
}

/// The form, with what was typed.
pub(super) fn form(request: &Request, failure: Option<ApiError>) -> Answer {
    let texts = request.address.row.fields.iter().filter(|field| field.kind != Kind::Boolean);
    let typed = texts.filter_map(|field| {
        let text = request.fields.text(field.names).ok().flatten()?;
        Some((*field.names.first()?, text.to_owned()))
    });
    Answer::Page(Page::Generate(GeneratePage {
        typed: typed.collect(),
        replace: request.fields.boolean(field::REPLACE).ok().flatten().unwrap_or(false),
        failure,
        list: request.address.list(),
    }))
}

fn refused(error: IssuanceError) -> ApiError {
    reply(TASK, &Error::from(error))
}

fn template(request: &Request) -> Result<CertificateTemplate, ApiError> {
    let text = |names: Names| request.fields.text(names);
    let cn = text(field::COMMON_NAME)?
        .ok_or_else(|| missing(request, TASK, field::COMMON_NAME, "the host name of the server"))?;
    let mut subject = Subject::default();
    for (attribute, names) in [
        (SubjectAttribute::Country, field::COUNTRY),
        (SubjectAttribute::State, field::STATE),
        (SubjectAttribute::Locality, field::CITY),
        (SubjectAttribute::Organization, field::ORGANIZATION),
        (SubjectAttribute::OrganizationalUnit, field::ORGANIZATIONAL_UNIT),
        (SubjectAttribute::CommonName, field::COMMON_NAME),
    ] {
        // Blanks are what a form leaves in a field that nobody filled in.
        if let Some(value) = text(names)?.filter(|value| !value.trim().is_empty()) {
            subject = subject.with(attribute, value).map_err(|error| refused(error).at_field(names))?;
        }
    }
    // Clients look at names alone, so that the CN is one, if it can be.
    let mut names: Vec<RequestedName> = cn.trim().parse().into_iter().collect();
    for name in text(field::SAN)?.unwrap_or_default().split(',').map(str::trim) {
        if name.is_empty() {
            continue;
        }
        let name = name.parse().map_err(|error| refused(error).at_field(field::SAN))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut template = CertificateTemplate::new(names);
    template.subject = Some(subject);
    Ok(template)
}

/// The kind of key, by the words of Java or by ours, as `p256`: 2,048 bits and not ArcGIS's 1,024, where no size is given.
fn key(request: &Request) -> Result<KeyKind, ApiError> {
    let algorithm = request.fields.text(field::KEY_ALGORITHM)?.unwrap_or("RSA");
    let size = number(request, field::KEY_SIZE)?;
    let found = match (algorithm.to_ascii_uppercase().as_str(), size) {
        ("RSA", None) => Some(KeyKind::Rsa2048),
        ("RSA", Some(bits)) => KeyKind::rsa(bits).ok(),
        ("EC" | "ECDSA", None | Some(256)) => Some(KeyKind::P256),
        ("EC" | "ECDSA", Some(384)) => Some(KeyKind::P384),
        ("ED25519" | "EDDSA", None | Some(256)) => Some(KeyKind::Ed25519),
        (_, None) => algorithm.parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| {
        let algorithm = strongroom::certificate::printable(&algorithm.chars().take(32).collect::<String>());
        let size = size.map(|size| format!(" of {size} bits")).unwrap_or_default();
        let details = vec![
            "send keyAlg=RSA with keySize=2048, 3072 or 4096, keyAlg=EC with keySize=256 or 384, or keyAlg=Ed25519"
                .to_owned(),
            "code: unsupported_key".to_owned(),
        ];
        TASK.refused(&format!("a key {algorithm}{size} is not made: it is too weak, or not known here"), details).at_field(field::KEY_ALGORITHM)
    })
}

/// The hash of the signature, by Java's names of both.
fn hash(request: &Request, key: KeyKind) -> Result<Option<SignatureHash>, ApiError> {
    let Some(text) = request.fields.text(field::SIGNATURE_ALGORITHM)? else {
        return Ok(None);
    };
    let word = text.to_ascii_uppercase();
    let is_rsa = matches!(key, KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096);
    let family = if is_rsa { "WITHRSA" } else { "WITHECDSA" };
    let found = match (key, word.strip_suffix(family)) {
        (KeyKind::Ed25519, _) if word == "ED25519" || word == "EDDSA" => Some(None),
        (KeyKind::Ed25519, _) => None,
        (KeyKind::P384, Some("SHA384")) => Some(Some(SignatureHash::Sha384)),
        (KeyKind::P384, _) => None,
        (_, Some("SHA256")) => Some(Some(SignatureHash::Sha256)),
        (_, Some("SHA384")) if is_rsa => Some(Some(SignatureHash::Sha384)),
        (_, Some("SHA512")) if is_rsa => Some(Some(SignatureHash::Sha512)),
        _ => None,
    };
    found.ok_or_else(|| {
        let allowed = match key {
            KeyKind::P256 => "SHA256withECDSA",
            KeyKind::P384 => "SHA384withECDSA",
            KeyKind::Ed25519 => "Ed25519",
            _ => "SHA256withRSA, SHA384withRSA or SHA512withRSA",
        };
        let details = vec![
            format!("send sigAlg={allowed}, or leave it out"),
            "code: unsupported_signature".to_owned(),
        ];
        let text = strongroom::certificate::printable(&text.chars().take(32).collect::<String>());
        TASK.refused(&format!("the signature algorithm {text} is not used with that key: clients refuse it, or it is of another kind"), details)
    })
}

fn days(request: &Request) -> Result<u32, ApiError> {
    Ok(number(request, field::VALIDITY)?.unwrap_or(DAYS))
}

/// A field that holds a whole number.
fn number(request: &Request, names: Names) -> Result<Option<u32>, ApiError> {
    let Some(text) = request.fields.text(names)? else {
        return Ok(None);
    };
    text.trim().parse().map(Some).map_err(|_| {
        let name = field::documented(names, request.address.flavour());
        ApiError::bad_request(format!("The field '{name}' must be a whole number")).at_field(names)
    })
}
