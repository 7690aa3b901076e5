//! What was derived for one file, and what is wanted next.

use zeroize::Zeroizing;

use super::{
    Derivation, Method,
    lanes::{self, Gate},
};
use crate::{
    limits::{BudgetExceeded, KdfBudget},
    pkcs12::error::Pkcs12Error,
};

/// The keys of one file. Equal derivations are run once; each use of one is charged.
#[derive(Default)]
pub(in crate::pkcs12) struct Keys {
    all: Vec<Known>,
}

struct Known {
    derivation: Derivation,
    key: Option<Zeroizing<Vec<u8>>>,
    /// How many uses were charged, and how many there are since the last rewinding.
    charged: usize,
    used: usize,
}

impl Keys {
    /// Asks for a key, which [`derive`](Self::derive) then derives. Each use is charged, and charged once, however often
    /// a file is read again.
    ///
    /// # Errors
    ///
    /// [`BudgetExceeded`]; the key is then not asked for.
    pub(in crate::pkcs12) fn want(
        &mut self,
        derivation: Derivation,
        budget: &mut KdfBudget,
    ) -> Result<(), BudgetExceeded> {
        let work = derivation.work();
        let Some(known) = self.all.iter_mut().find(|known| known.derivation == derivation) else {
            budget.charge(work, 1)?;
            self.all.push(Known { derivation, key: None, charged: 1, used: 1 });
            return Ok(());
        };
        if known.used == known.charged {
            budget.charge(work, 1)?;
            known.charged += 1;
        }
        known.used += 1;
        Ok(())
    }

    /// A key, if it is there.
    pub(in crate::pkcs12) fn get(&self, derivation: &Derivation) -> Option<&[u8]> {
        let known = self.all.iter().find(|known| known.derivation == *derivation)?;
        known.key.as_deref().map(Vec::as_slice)
    }

    /// The file is read from its beginning: uses are counted again.
    pub(in crate::pkcs12) fn rewind(&mut self) {
        self.all.iter_mut().for_each(|known| known.used = 0);
    }

    /// Derives all keys that were asked for and are not there yet, together. With a gate, the first of them is shown to it
    /// as soon as it is there; once that says no, the others are left.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::Cancelled`].
    pub(in crate::pkcs12) fn derive(
        &mut self,
        gate: Option<Gate<'_>>,
        budget: &mut KdfBudget,
    ) -> Result<(), Pkcs12Error> {
        let missing = || self.all.iter().filter(|known| known.key.is_none()).map(|known| &known.derivation);
        let iterated: Vec<Derivation> =
            missing().filter(|derivation| derivation.method.is_iterated()).cloned().collect();
        let keys = lanes::derive(&iterated, gate, budget)?;
        for (derivation, key) in iterated.iter().zip(keys) {
            if let Some(known) = self.all.iter_mut().find(|known| known.derivation == *derivation) {
                known.key = key;
            }
        }
        for known in self.all.iter_mut().filter(|known| known.key.is_none()) {
            if let Method::Scrypt { log_n, r, p } = known.derivation.method {
                known.key = Some(scrypt(&known.derivation, (log_n, r, p), budget)?);
            }
        }
        Ok(())
    }

    /// Forgets what was asked for and not derived, and takes its charge back.
    pub(in crate::pkcs12) fn give_up(&mut self, budget: &mut KdfBudget) {
        self.all.retain(|known| {
            let work = known.derivation.work();
            if known.key.is_none() {
                (0..known.charged).for_each(|_| budget.give_back(work));
            }
            known.key.is_some()
        });
    }
}

/// One call, which cannot be cancelled while it runs.
fn scrypt(
    derivation: &Derivation,
    (log_n, r, p): (u8, u32, u32),
    budget: &KdfBudget,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut key = Zeroizing::new(vec![0; derivation.len]);
    if cfg!(strongroom_fuzzing) {
        return Ok(key);
    }
    let failed = || Pkcs12Error::Parameter {
        what: "the scrypt cost",
        found: format!("N=2^{log_n} r={r} p={p}"),
        allowed: "the parameters of RFC 7914".to_owned(),
    };
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| failed())?;
    budget.check()?;
    scrypt::scrypt(&derivation.password, &derivation.salt, &params, &mut key).map_err(|_| failed())?;
    Ok(key)
}
