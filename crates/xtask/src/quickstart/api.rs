//! The two requests of the example, over TLS that trusts nothing but the server's own certificate.

use std::{fs, path::Path, sync::Arc};

use serde::Deserialize;
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::multipart::{Form, Part},
};

use crate::{failure::Failure, process::say};

/// A client of one server.
pub(crate) struct Api {
    agent: Agent,
    /// `https://host:port/arcgis`.
    base: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

impl Api {
    /// A client that trusts the certificate `own`, in PEM.
    pub(crate) fn connect(url: &str, own: &str) -> Result<Self, Failure> {
        let failed =
            |reason: ureq::Error| Failure::Request { request: url.to_owned(), reason: reason.to_string() };
        let certificate = Certificate::from_pem(own.as_bytes()).map_err(failed)?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[certificate]))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder().tls_config(tls).build().new_agent();
        let base = url.strip_suffix("/portaladmin").unwrap_or(url).to_owned();
        Ok(Self { agent, base })
    }

    /// `generateToken`.
    pub(crate) fn generate_token(&self, user: &str, password: &str) -> Result<String, Failure> {
        let address = format!("{}/sharing/rest/generateToken", self.base);
        let fields = [
            ("username", user),
            ("password", password),
            ("client", "referer"),
            ("referer", "quickstart"),
            ("f", "json"),
        ];
        say(&format!("POST {address}\n  username={user} password=... client=referer f=json"));
        let answer = self.agent.post(&address).send_form(fields);
        let body = self.body(&address, answer)?;
        let token: Token = serde_json::from_str(&body)
            .map_err(|_| Failure::Answer { request: address, answer: body.clone() })?;
        // A token is a secret; the rest of the answer is shown.
        say(&body.replace(&token.token, "..."));
        Ok(token.token)
    }

    /// `importExistingServerCertificate`.
    pub(crate) fn import(
        &self,
        alias: &str,
        file: &Path,
        password: &str,
        token: &str,
        machine: &str,
    ) -> Result<(), Failure> {
        let address = format!(
            "{}/portaladmin/machines/{machine}/sslCertificates/importExistingServerCertificate",
            self.base
        );
        say(&format!(
            "POST {address}\n  alias={alias} password=... file=@{} f=json token=...",
            file.display()
        ));
        let bytes = fs::read(file).map_err(|reason| Failure::File { path: file.to_owned(), reason })?;
        let form = Form::new()
            .text("f", "json")
            .text("alias", alias)
            .text("password", password)
            .text("token", token)
            .part("file", Part::bytes(&bytes).file_name("www-direct.p12"));
        let body = self.body(&address, self.agent.post(&address).send(form))?;
        say(&body);
        if body == r#"{"status":"success"}"# {
            return Ok(());
        }
        Err(Failure::Answer { request: address, answer: body })
    }

    fn body(
        &self,
        address: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<String, Failure> {
        answer.and_then(|mut response| response.body_mut().read_to_string()).map_err(|reason| {
            Failure::Request { request: format!("POST {address}"), reason: reason.to_string() }
        })
    }
}
