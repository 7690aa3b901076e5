//! A TLS server over the store, spoken to by OpenSSL: what it sends follows the store without a restart or another import.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use strongroom::{Keystore, UnixTime};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root},
    scratch::Scratch,
};

use super::{alias, ca, import};

/// What a server of this moment gives to rustls.
fn config(keystore: &Keystore, name: &str, at: UnixTime) -> ServerConfig {
    let credential = keystore.credential(&alias(name), at).unwrap();
    let chain = credential.chain_der();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, credential.into_key())
        .unwrap()
}

/// What OpenSSL, which knows the roots in `trusted` alone, says of the next connection: its verdict, and how many
/// certificates it got.
fn ask(listener: &TcpListener, config: ServerConfig, trusted: &Path) -> (String, usize) {
    let port = listener.local_addr().unwrap().port();
    let client = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "a.test", "-showcerts"])
        .args(["-attime", &now().as_secs().to_string(), "-no-CApath", "-no-CAstore", "-CAfile"])
        .arg(trusted)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
    // The client goes as it likes.
    let _ = tls.write_all(b"hello\n");
    let _ = tls.read_to_end(&mut Vec::new());
    drop(tls);
    let output = client.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdict = text.lines().filter_map(|line| line.trim().strip_prefix("Verify return code: ")).next();
    let verdict = verdict.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (verdict.to_owned(), text.matches("BEGIN CERTIFICATE").count())
}

fn pem(scratch: &Scratch, ca: &TestCa) -> std::path::PathBuf {
    let path = scratch.folder.path().join("trusted.pem");
    let output = Command::new("openssl")
        .args(["x509", "-inform", "DER", "-in"])
        .arg({
            let der = scratch.folder.path().join("trusted.der");
            fs::write(&der, ca.file()).unwrap();
            der
        })
        .arg("-out")
        .arg(&path)
        .status()
        .unwrap();
    assert!(output.success());
    path
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: openssl is not installed");
    }
    found
}

const MISSING: &str = "21 (unable to verify the first certificate)";
const FINE: &str = "0 (ok)";

#[test]
fn a_server_sends_the_intermediate_after_its_import_and_not_after_its_removal() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new(now());
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let trusted = pem(&scratch, &root);
    // The server has its own keystore, which nobody tells of a change.
    let server = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let asked = || {
        let config = config(&server, "a", now());
        ask(&listener, config, &trusted)
    };
    import(&scratch.keystore, "a", issuing.issue(&leaf_params("a.test"), &[]));
    assert_eq!(asked(), (MISSING.to_owned(), 1));
    ca(&scratch.keystore, "root", &root);
    assert_eq!(asked(), (MISSING.to_owned(), 1));
    ca(&scratch.keystore, "issuing", &issuing);
    assert_eq!(asked(), (FINE.to_owned(), 2));
    scratch.keystore.remove(&alias("issuing"), true, now()).unwrap();
    assert_eq!(asked(), (MISSING.to_owned(), 1));

    // The CA has another key by now, and the entry a certificate under that.
    let renewed = root.issue_ca(ca_params("Issuing"));
    ca(&scratch.keystore, "issuing", &issuing);
    let mut request = strongroom::keystore::CredentialRequest::new(
        alias("a"),
        renewed.issue(&leaf_params("a.test"), &[]),
        now(),
    );
    request.options.replace = true;
    request.options.policy.allow = vec![strongroom::diagnostic::DiagnosticCode::NoAnchor];
    scratch.keystore.import_credential(request).unwrap();
    assert_eq!(asked(), (MISSING.to_owned(), 1));
    ca(&scratch.keystore, "renewed", &renewed);
    assert_eq!(asked(), (FINE.to_owned(), 2));
}
