//! Signing in, being signed in, and being refused: what the state does for those who ask.

use std::{sync::Arc, time::Duration};

use strongroom::{Error, Password, account::AccountName, keystore::Administrator, store::StoreError};

use crate::{
    client::Client,
    error::{ApiError, Refusal, Task, reply},
    session::{Issued, Session},
    sign_ins::{PENALTY, Refused, is_at_home},
    state::{ApiState, Shared},
};

const FAILED: &str = "Unable to generate token.";

impl ApiState {
    /// Signs an administrator in: the one way to a token, for generateToken, OAuth and the page.
    pub(crate) async fn sign_in(
        &self,
        name: &AccountName,
        password: Password,
        lifetime: Duration,
    ) -> Result<Issued, ApiError> {
        let administrator = self.verify(name, password).await?;
        let account: AccountName = administrator.name.parse().map_err(|_| wrong())?;
        let (client, now, record) = (Client::current(), self.now(), administrator.clone());
        let (actor, address) = (actor(account.as_str()), client.address());
        let home = self.home();
        let logged =
            home.run_ungated(move |keystore| keystore.acting_as(&actor).log_sign_in(&record, address, now));
        match logged.await? {
            Ok(()) => {}
            // Removed, or given another password, in the meantime.
            Err(Error::Store(StoreError::NoSuchUser { .. })) => return Err(wrong()),
            Err(error) => return Err(reply(Task::VerifyPassword, &error)),
        }
        client.signed_in();
        let issued = self.sessions().issue(account, &administrator, lifetime, now);
        issued.ok_or_else(ApiError::no_randomness)
    }

    /// The administrator to whom name and password belong. Whoever failed too often is refused before any hashing.
    pub(crate) async fn verify(
        &self,
        name: &AccountName,
        password: Password,
    ) -> Result<Administrator, ApiError> {
        let (address, asked) = (Client::current().address(), name.clone());
        let home = self.home();
        let found = home.run(Task::Read, move |keystore| keystore.administrator(&asked)).await?;
        let at_home = found.is_some_and(|found| is_at_home(&found, address, self.now()));
        let seat = match self.sign_ins().enter(name, address, at_home).await {
            Ok(seat) => seat,
            Err(Refused::Wait(wait)) => {
                tokio::time::sleep(PENALTY).await;
                return Err(too_many(wait.saturating_sub(PENALTY)));
            }
            Err(Refused::Busy) => return Err(ApiError::busy()),
        };
        let name = name.clone();
        let verified = home.run_ungated(move |keystore| seat.verify(keystore, &name, &password)).await?;
        verified.map_err(|error| reply(Task::VerifyPassword, &error))?.ok_or_else(wrong)
    }

    /// The session of a token, and its administrator as the store has it now.
    pub(crate) async fn session(&self, token: &str) -> Result<Option<(Session, Administrator)>, ApiError> {
        let Some(session) = self.sessions().find(token, self.now()) else {
            return Ok(None);
        };
        let account = session.account.clone();
        let found = self.home().run(Task::Read, move |keystore| keystore.administrator(&account)).await?;
        let found = found.filter(|administrator| session.is_of(administrator));
        if found.is_none() {
            self.sessions().end(token);
        }
        Ok(found.map(|administrator| (session, administrator)))
    }

    /// Counts a refusal for the store's log, which has one row for all of a minute.
    pub(crate) fn note_refusal(&self) {
        let address = Client::current().address();
        let Some(after) = self.refusals().note(address, self.now()) else {
            return;
        };
        let shared = Arc::downgrade(self.shared());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let _ = tokio::task::spawn_blocking(move || shared.log_refusals()).await;
        });
    }
}

impl Shared {
    /// Writes what was gathered. What cannot be written now is refused all the same, and stands in the host's log.
    pub(crate) fn log_refusals(&self) {
        let now = self.now();
        let gathered = self.refusals().take(now);
        if let Some(gathered) = gathered {
            let _ = self.keystore().acting_as("api").log_refusals(gathered, now);
        }
    }
}

/// The last minute is not lost.
impl Drop for Shared {
    fn drop(&mut self) {
        self.log_refusals();
    }
}

/// How the log names an administrator who uses the API.
pub(crate) fn actor(name: &str) -> String {
    format!("api {name}")
}

/// The same for a name that does not exist.
pub(crate) fn wrong() -> ApiError {
    let details = vec!["Invalid username or password.".to_owned()];
    ApiError::new(400, FAILED, details).because(Refusal::SignIn)
}

fn too_many(wait: Duration) -> ApiError {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    let details = vec![
        "Invalid username or password.".to_owned(),
        format!("Too many failed attempts: wait {seconds} seconds and try again."),
    ];
    ApiError::new(400, FAILED, details).because(Refusal::Throttled)
}
