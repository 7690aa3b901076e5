//! What one search for a path may cost, whatever the certificates are.

use super::{path_error::PathError, signatures::KnownSignatures};
use crate::certificate::{Certificate, SignatureCheck};

/// rustls-webpki allows as many.
const MAX_SIGNATURES: u32 = 100;
/// Certificates tried in some place of a path. rustls-webpki allows 200,000 calls.
const MAX_STEPS: u32 = 100_000;
/// Names held against a subtree. rustls-webpki allows as many.
const MAX_COMPARISONS: u32 = 250_000;

/// What is left to one search, charged before the work is done.
///
/// A signature that was judged before counts like any other, so that what is remembered changes no answer.
#[derive(Debug)]
pub(super) struct PathBudget<'k> {
    known: KnownSignatures<'k>,
    signatures: u32,
    steps: u32,
    comparisons: u32,
}

impl<'k> PathBudget<'k> {
    pub(super) fn new(known: KnownSignatures<'k>) -> Self {
        Self { known, signatures: MAX_SIGNATURES, steps: MAX_STEPS, comparisons: MAX_COMPARISONS }
    }

    /// How many signatures were checked.
    pub(super) fn signatures(&self) -> u32 {
        MAX_SIGNATURES - self.signatures
    }

    fn charge_signature(&mut self) -> Result<(), PathError> {
        charge(&mut self.signatures, 1, "signatures", MAX_SIGNATURES)
    }

    /// Judges the signature of `certificate` under the key of `issuer`. Names and dates are not compared.
    pub(super) fn check_signature(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<SignatureCheck, PathError> {
        self.charge_signature()?;
        Ok(self.known.check(certificate, issuer))
    }

    /// Whether that signature is good, as far as the budget reaches.
    pub(super) fn is_signed_by(&mut self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.check_signature(certificate, issuer) == Ok(SignatureCheck::Valid)
    }

    pub(super) fn charge_step(&mut self) -> Result<(), PathError> {
        charge(&mut self.steps, 1, "certificates tried", MAX_STEPS)
    }

    pub(super) fn charge_comparisons(&mut self, wanted: usize) -> Result<(), PathError> {
        charge(&mut self.comparisons, wanted, "comparisons of names", MAX_COMPARISONS)
    }
}

fn charge(left: &mut u32, wanted: usize, what: &'static str, limit: u32) -> Result<(), PathError> {
    let after = u32::try_from(wanted).ok().and_then(|wanted| left.checked_sub(wanted));
    *left = after.ok_or(PathError::Budget { what, limit })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_budget_holds_at_its_boundary() {
        let mut budget = PathBudget::new(KnownSignatures::default());
        for _ in 0..MAX_SIGNATURES {
            budget.charge_signature().unwrap();
        }
        assert_eq!(budget.signatures(), MAX_SIGNATURES);
        let spent = PathError::Budget { what: "signatures", limit: MAX_SIGNATURES };
        assert_eq!(budget.charge_signature(), Err(spent));
        budget.charge_comparisons(249_999).unwrap();
        let spent = PathError::Budget { what: "comparisons of names", limit: MAX_COMPARISONS };
        assert_eq!(budget.charge_comparisons(2), Err(spent));
        budget.charge_comparisons(1).unwrap();
        for _ in 0..MAX_STEPS {
            budget.charge_step().unwrap();
        }
        let spent = PathError::Budget { what: "certificates tried", limit: MAX_STEPS };
        assert_eq!(budget.charge_step(), Err(spent));
    }
}
