//! The certificate that `serve` shows where no entry was named: made for this machine, and renewed in time.

use std::{fmt, net::IpAddr};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use strongroom::{
    Alias, Error, Keystore,
    certificate::{Certificate, ServerCredential},
    instant::seconds,
    keystore::{CredentialRequest, ServerReport, running_servers},
    secret::PrivateKey,
    store::StoreError,
};

use super::{super::now, tls::PROGRAM};
use crate::failure::{Exit, Failure};

/// Its alias, as ArcGIS names it.
const ALIAS: &str = "selfsignedcertificate";
/// The organisation of its subject: a certificate with another one was put in its place by an administrator.
const ORGANISATION: &str = "SelfSignedCertificate";
/// How long it is valid: browsers and Apple's systems refuse more than 825 days.
const DAYS: i64 = 825;

/// What every certificate is for.
const LOCALHOST: &str = "localhost";

/// Why the first one was made.
const NONE: &str = "there was none";

/// That a certificate was made.
#[derive(Debug)]
pub(super) struct Made {
    reason: &'static str,
    kept: Option<Kept>,
}

/// What another server needs of it.
#[derive(Debug)]
struct Kept {
    server: String,
    names: Vec<String>,
}

impl Made {
    /// Whether another one gave way.
    pub(super) fn is_another(&self) -> bool {
        self.reason != NONE
    }

    /// What the operator has to know at the start, where the certificate of another machine gave way.
    pub(super) fn warning(&self) -> Option<String> {
        let Kept { server, names } = self.kept.as_ref()?;
        Some(format!(
            "{server} shows {ALIAS} as well: there is a new one, for the names of this machine beside {}; who trusted the former certificate by itself has to trust this one, and with --alias this server shows an entry of its own",
            names.join(", ")
        ))
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match &self.kept {
            Some(Kept { server, names }) => {
                write!(f, "; {server} shows it as well, and it stays for {}", names.join(", "))
            }
            None => Ok(()),
        }
    }
}

/// The server's own certificate.
#[derive(Clone, Debug)]
pub(super) struct OwnCertificate {
    keystore: Keystore,
    /// The names of the machine, the one in paths first.
    names: Vec<String>,
    /// Where it listens.
    address: IpAddr,
}

impl OwnCertificate {
    pub(super) fn new(keystore: &Keystore, names: Vec<String>, address: IpAddr) -> Self {
        Self { keystore: keystore.clone(), names, address }
    }

    pub(super) fn alias() -> Result<Alias, Failure> {
        Ok(ALIAS.parse().map_err(Error::from)?)
    }

    /// Makes the certificate if there is none, and another one if it ends soon or is for another machine. While another
    /// server shows it, it stays for the names of that one as well.
    pub(super) fn keep(&self) -> Result<Option<Made>, Failure> {
        let alias = Self::alias()?;
        let (reason, kept) = match self.keystore.entry(&alias, now()) {
            Err(Error::Store(StoreError::NotFound { .. } | StoreError::Removed { .. })) => (NONE, None),
            Err(other) => return Err(other.into()),
            Ok(entry) => match self.due(&entry.certificate, seconds(now())) {
                Some(reason) => (reason, self.also_of(&alias, &entry.certificate)),
                None => return Ok(None),
            },
        };
        // The names that were there first: the subject stays what it was.
        let mut names = kept.as_ref().map(|kept| kept.names.clone()).unwrap_or_default();
        for name in &self.names {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.clone());
            }
        }
        let credential = self_signed(&names, self.address).map_err(|reason| {
            let message = format!("cannot make a certificate: {reason}");
            Failure::new(Exit::Other, "cannot_generate", "serve", message)
        })?;
        let mut request = CredentialRequest::new(alias, credential, now());
        request.options.replace = true;
        self.keystore.import_credential(request)?;
        Ok(Some(Made { reason, kept }))
    }

    /// What another server, which runs and shows the certificate as well, needs of it.
    fn also_of(&self, alias: &Alias, leaf: &Certificate) -> Option<Kept> {
        let this = ServerReport::of_this_process(PROGRAM, now());
        let running = self.keystore.path().map(running_servers).unwrap_or_default();
        let other = running.into_iter().find(|server| {
            let is_this = (server.pid, &server.host) == (this.pid, &this.host);
            !is_this && server.program == PROGRAM && server.default.as_ref() == Some(alias)
        })?;
        let names = leaf.hosts().filter(|host| *host != LOCALHOST).map(str::to_owned).collect();
        Some(Kept { server: other.name(), names })
    }

    /// Why another one is due; `None` for one that an administrator put there.
    fn due(&self, leaf: &Certificate, at: i64) -> Option<&'static str> {
        let ours = leaf.is_self_signed() && leaf.subject().ends_with(&format!("O={ORGANISATION}"));
        if !ours {
            return None;
        }
        let lifetime = leaf.not_after().saturating_sub(leaf.not_before());
        if at.saturating_add(lifetime / 3) > leaf.not_after() {
            return Some("its end was near");
        }
        let named = |name: &str| leaf.hosts().any(|host| host.eq_ignore_ascii_case(name));
        let wanted = host_names(&self.names).all(named);
        let listens = self.address.is_unspecified() || named(&self.address.to_string());
        (!wanted || !listens).then_some("it was for another machine")
    }
}

/// The names of a machine that a certificate can have.
fn host_names(names: &[String]) -> impl Iterator<Item = &str> {
    std::iter::once(LOCALHOST)
        .chain(names.iter().map(String::as_str))
        .filter(|host| rcgen::string::Ia5String::try_from(*host).is_ok() && !host.is_empty())
}

fn self_signed(names: &[String], address: IpAddr) -> Result<ServerCredential, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ORGANISATION);
    let machine = names.first().map(String::as_str).unwrap_or_default();
    params.distinguished_name.push(DnType::CommonName, machine.chars().take(64).collect::<String>());
    let (addresses, hosts): (Vec<_>, Vec<_>) =
        host_names(names).map(|host| host.parse::<IpAddr>().map_err(|_| host)).partition(Result::is_ok);
    for host in hosts.into_iter().filter_map(Result::err) {
        if let Ok(name) = host.try_into() {
            params.subject_alt_names.push(SanType::DnsName(name));
        }
    }
    params.subject_alt_names.dedup();
    let addresses = addresses.into_iter().flatten();
    for ip in addresses.chain([IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), address])
    {
        let known = params.subject_alt_names.contains(&SanType::IpAddress(ip));
        if !ip.is_unspecified() && !known {
            params.subject_alt_names.push(SanType::IpAddress(ip));
        }
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let start =
        time::OffsetDateTime::from_unix_timestamp(seconds(now())).map_err(|error| error.to_string())?;
    // An hour back, for clients whose clock is slow.
    params.not_before = start - time::Duration::hours(1);
    params.not_after = start + time::Duration::days(DAYS);
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let leaf = Certificate::from_der(certificate.der()).map_err(|error| error.to_string())?;
    ServerCredential::pair(PrivateKey::from_pkcs8_der(key.serialize_der()), vec![leaf])
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use strongroom::UnlockKey;

    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn own_certificate_names_the_machine_and_loopback() {
        let credential = self_signed(&["gis.fixture.test".to_owned()], IpAddr::from([127, 0, 0, 1])).unwrap();
        let names: Vec<&str> = credential.leaf().hosts().collect();
        assert_eq!(names, ["localhost", "gis.fixture.test", "127.0.0.1", "::1"]);
        assert!(credential.leaf().is_self_signed());
        assert_eq!(credential.leaf().subject(), "CN=gis.fixture.test, O=SelfSignedCertificate");
        assert!(!format!("{credential:?}").contains("BEGIN"));
    }

    #[test]
    fn own_certificate_is_made_anew_for_another_machine_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let unlock = UnlockKey::generate().unwrap();
        let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, now()).unwrap();
        let of =
            |machine: &str| OwnCertificate::new(&keystore, vec![machine.to_owned()], [127, 0, 0, 1].into());
        let gis = of("gis.fixture.test");
        let made = |of: &OwnCertificate| of.keep().unwrap().map(|made| made.to_string());
        assert_eq!(made(&gis).as_deref(), Some("there was none"));
        assert_eq!(made(&gis), None);
        assert_eq!(made(&of("GIS.fixture.test")), None);
        let leaf = || keystore.entry(&OwnCertificate::alias().unwrap(), now()).unwrap().certificate;
        let first = leaf();
        assert_eq!(made(&of("other.fixture.test")).as_deref(), Some("it was for another machine"));
        assert_ne!(leaf().fingerprint(), first.fingerprint());
        assert_eq!(gis.due(&first, first.not_after() - 300 * DAY), None);
        assert_eq!(gis.due(&first, first.not_after() - 270 * DAY), Some("its end was near"));
        // What an administrator put in its place is left alone, however old it is.
        let params = CertificateParams::new(["gis.fixture.test".to_owned()]).unwrap();
        let foreign = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let foreign = Certificate::from_der(foreign.der()).unwrap();
        assert_eq!(gis.due(&foreign, foreign.not_after() + 1), None);
    }
}
