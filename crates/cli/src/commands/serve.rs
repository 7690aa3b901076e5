//! `serve`: the administrator API over TLS, with a certificate of its own.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::{middleware::map_response, response::Response};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use serde::Serialize;
use strongroom::{
    Alias, Certificate, CredentialRequest, Error, Keystore, OpenedCredential, PrivateKey, Remedy,
    ServerCredential, StoreError, printable,
};
use strongroom_api::{ApiState, Fault, Settings, router};

use super::{Purpose, now, open_with_key, seconds, warn_of_slots};
use crate::{
    args::{Arguments, Serve},
    failure::{Exit, Failure},
    prompt::leave_signals_to_the_server,
    render::{self, Printer},
};

/// The alias of the server's own certificate, as ArcGIS names it.
const OWN_ALIAS: &str = "selfsignedcertificate";
/// How long the server's own certificate is valid: browsers and Apple's systems refuse more than 825 days.
const OWN_DAYS: i64 = 825;
/// How long running requests may take when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Serving {
    url: String,
    machine: String,
    certificate_sha256: String,
}

pub(super) fn run(arguments: &Arguments, command: &Serve, printer: &Printer) -> Result<(), Failure> {
    // A damaged slot is no reason to leave clients without an answer.
    let keystore = open_with_key(arguments, Purpose::Mend)?.0;
    warn_of_slots(&keystore, printer)?;
    let machine = match &command.machine {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let credential = own_credential(&keystore, &machine, command.listen.ip())?;
    let own: Alias = OWN_ALIAS.parse().map_err(Error::from)?;
    let marking = keystore.clone();
    let held = marking.hold(&own, "strongroom serve", now())?;
    let leaf = credential.chain().first().map(|leaf| leaf.fingerprint().to_string()).unwrap_or_default();
    let tls = server_config(credential)?;
    let administrators = keystore.listed_administrators()?;
    for (name, damaged) in administrators.iter().filter_map(|(name, row)| Some((name, row.as_ref().err()?))) {
        printer.warn(&format!("\"{}\" cannot sign in: {damaged}", printable(name)));
    }
    if administrators.is_empty() {
        printer.warn("nobody can sign in yet; add an administrator with: strongroom user add NAME");
    }
    let listener = TcpListener::bind(command.listen).map_err(|error| {
        Failure::new(
            Exit::Other,
            "cannot_listen",
            "serve",
            format!("cannot listen on {}: {error}", command.listen),
        )
        .with(Remedy::GiveListenAddress)
    })?;
    let address = listener.local_addr().map_err(|error| fault("cannot_listen", &error))?;

    let mut settings = Settings::new(machine.clone());
    settings.trust_embedded_root = command.trust_embedded_root;
    if let Some(work) = command.max_work {
        settings = settings.with_max_work(work);
    }
    let app = router(ApiState::new(keystore, settings, now)).layer(map_response(log_fault));
    let serving = Serving { url: url(address), machine, certificate_sha256: leaf };
    let ready = || {
        printer.result(&serving, &[], || {
            format!(
                "serving {} (certificate SHA-256 {}); stop with Ctrl-C\n",
                serving.url, serving.certificate_sha256
            )
        });
        // Nobody would learn the address.
        if printer.flush() { Ok(()) } else { Err(io::Error::other("nobody can read where it listens")) }
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| fault("cannot_start", &error))?;
    leave_signals_to_the_server();
    let served = runtime.block_on(serve(listener, tls, app, ready));
    // Its lock goes with the process; the mark goes with it if it can.
    let _ = marking.release(held, now());
    served.map_err(|error| fault("serve_failed", &error))?;
    printer.note("stopped");
    Ok(())
}

/// The client of a fault gets a number; the log has what happened.
async fn log_fault(response: Response) -> Response {
    if let Some(fault) = response.extensions().get::<Fault>() {
        render::log(&format!("request {}: {}", fault.request_id, fault.cause));
    }
    response
}

fn fault(code: &'static str, error: &io::Error) -> Failure {
    Failure::new(Exit::Other, code, "serve", error.to_string())
}

fn url(address: SocketAddr) -> String {
    format!("https://{address}/arcgis/portaladmin")
}

async fn serve(
    listener: TcpListener,
    tls: RustlsConfig,
    app: axum::Router,
    ready: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let stopping = handle.clone();
    tokio::spawn(async move {
        stop_signal().await;
        stopping.graceful_shutdown(Some(GRACE));
    });
    let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
    // A client that sends no complete header in time is let go.
    server
        .http_builder()
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10));
    ready()?;
    server.serve(app.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

/// The server's own credential; made, and kept in the store, on first start.
fn own_credential(keystore: &Keystore, machine: &str, address: IpAddr) -> Result<OpenedCredential, Failure> {
    let alias: Alias = OWN_ALIAS.parse().map_err(Error::from)?;
    match keystore.credential(&alias, now()) {
        Err(Error::Store(StoreError::NotFound { .. })) => {}
        other => return Ok(other?),
    }
    let credential = self_signed(machine, address).map_err(|reason| {
        Failure::new(Exit::Other, "cannot_generate", "serve", format!("cannot make a certificate: {reason}"))
    })?;
    keystore.import_credential(CredentialRequest::new(alias.clone(), credential, now()))?;
    Ok(keystore.credential(&alias, now())?)
}

fn self_signed(machine: &str, address: IpAddr) -> Result<ServerCredential, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "SelfSignedCertificate");
    params.distinguished_name.push(DnType::CommonName, machine.chars().take(64).collect::<String>());
    for host in ["localhost", machine] {
        if let Ok(name) = host.try_into() {
            params.subject_alt_names.push(SanType::DnsName(name));
        }
    }
    params.subject_alt_names.dedup();
    for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), address] {
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
    params.not_after = start + time::Duration::days(OWN_DAYS);
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let leaf = Certificate::from_der(certificate.der()).map_err(|error| error.to_string())?;
    ServerCredential::pair(PrivateKey::from_pkcs8_der(key.serialize_der()), vec![leaf])
        .map_err(|error| error.to_string())
}

/// TLS 1.2 and 1.3 with aws-lc-rs, as a value: no provider is installed for the process.
fn server_config(credential: OpenedCredential) -> Result<RustlsConfig, Failure> {
    let (chain, key) = (credential.chain_der(), credential.into_key());
    let refused = |error: rustls::Error| Failure::new(Exit::Other, "tls_refused", "serve", error.to_string());
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_certificate_names_the_machine_and_loopback() {
        let credential = self_signed("gis.fixture.test", IpAddr::from([127, 0, 0, 1])).unwrap();
        let names: Vec<&str> = credential.leaf().hosts().collect();
        assert_eq!(names, ["localhost", "gis.fixture.test", "127.0.0.1", "::1"]);
        assert!(credential.leaf().is_self_signed());
        assert_eq!(credential.leaf().subject(), "CN=gis.fixture.test, O=SelfSignedCertificate");
        assert!(!format!("{credential:?}").contains("BEGIN"));
    }
}
