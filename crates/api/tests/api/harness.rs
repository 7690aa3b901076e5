//! A server in a temporary folder, with a clock of its own. Every answer is searched for secrets.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use strongroom::{Keystore, Password, UnixTime, UnlockKey, store::LogEntry};
use strongroom_api::{Answered, ApiState, Fault, Settings, router};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const ADMIN: &str = "siteadmin";
/// The administrator's, and that of some fixtures: every door has to let it through unchanged.
pub(crate) const PASSWORD: &str = "p@ss wörd&+%!#";
pub(crate) const WRONG: &str = "wr@ng wörd&+%!#";
/// The other password of the fixtures.
pub(crate) const CHANGEIT: &str = "changeit";
pub(crate) const MACHINE: &str = "gis.fixture.test";
pub(crate) const ROOT_RSA: &str = "chains/root-rsa.pem";
/// Opens with [`PASSWORD`]; issued by an embedded intermediate under [`ROOT_RSA`].
pub(crate) const WWW: &str = "pkcs12/openssl-3.0.19.rsa2048.pbes2-aes256-sha256.password-non-ascii.p12";
/// 2026-11-23T12:00:00Z, when the fixtures are valid.
const START: u64 = 1_795_435_200;

pub(crate) const CERTIFICATES: &str = "/arcgis/portaladmin/machines/gis.fixture.test/sslCertificates";
pub(crate) const IMPORT: &str =
    "/arcgis/portaladmin/machines/gis.fixture.test/sslCertificates/importExistingServerCertificate";
pub(crate) const IMPORT_ROOT: &str =
    "/arcgis/portaladmin/machines/gis.fixture.test/sslCertificates/importRootOrIntermediate";
/// The same certificates as a GIS server shows them.
pub(crate) const SERVER_CERTIFICATES: &str = "/arcgis/admin/machines/gis.fixture.test/sslcertificates";
/// Where certificates are, by flavour, also under the contexts of other servers.
pub(crate) const PORTAL_ROOTS: [&str; 2] = [CERTIFICATES, "/arcgis/portaladmin/security/sslCertificates"];
pub(crate) const SERVER_ROOTS: [&str; 4] = [
    SERVER_CERTIFICATES,
    "/notebook/admin/machines/gis.fixture.test/sslCertificates",
    "/mission/admin/machines/GIS.fixture.test/sslCertificates",
    "/video/admin/machines/gis.fixture.test/sslCertificates",
];
pub(crate) const GENERATE_TOKEN: &str = "/arcgis/sharing/rest/generateToken";
pub(crate) const LOGIN: &str = "/arcgis/portaladmin/login";

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(START) };
}

pub(crate) fn clock() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW.get()))
}

/// Sets the clock of this test forward.
pub(crate) fn pass(seconds: u64) {
    NOW.set(NOW.get() + seconds);
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("../../fixtures").join(name)).unwrap()
}

pub(crate) struct Server {
    router: Router,
    folder: Arc<TempDir>,
    unlock: Arc<UnlockKey>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fault: Option<Fault>,
    pub(crate) answered: Option<Answered>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::made(|keystore, mut settings| {
            change(&mut settings);
            ApiState::new(keystore, settings, clock)
        })
    }

    /// Over a state that is made of the store of the administrator.
    pub(crate) fn made(make: impl FnOnce(Keystore, Settings) -> ApiState) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let unlock = Arc::new(UnlockKey::generate().unwrap());
        let keystore = Keystore::create(folder.path().join("keystore.db"), &*unlock, clock()).unwrap();
        let password = Password::new(PASSWORD).unwrap();
        keystore.add_administrator(&ADMIN.parse().unwrap(), &password, clock()).unwrap();
        let router = router(make(keystore, Settings::new(MACHINE)));
        Self { router, folder, unlock }
    }

    /// Another server over the same store.
    pub(crate) fn again(&self) -> Self {
        let router = router(ApiState::new(self.keystore(), Settings::new(MACHINE), clock));
        Self { router, folder: Arc::clone(&self.folder), unlock: Arc::clone(&self.unlock) }
    }

    /// The store after the server was stopped.
    pub(crate) fn stop(self) -> Self {
        Self { router: Router::new(), ..self }
    }

    /// What the store's log has of an action.
    pub(crate) fn log(&self, action: &str) -> Vec<LogEntry> {
        let log = self.keystore().log(0, 1000).unwrap();
        log.into_iter().filter(|row| row.action == action).collect()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    /// The same store, opened beside the server.
    pub(crate) fn keystore(&self) -> Keystore {
        Keystore::open(self.path(), &*self.unlock).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        // A certificate that is exported is no text.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let headers = format!("{:?}", parts.headers);
        for place in [&text, &headers] {
            for secret in ["p@ss", "p%40ss", "wr@ng", "wr%40ng", CHANGEIT, "ss wörd", "PRIVATE KEY"] {
                assert!(!place.contains(secret), "an answer holds {secret:?}: {place}");
            }
        }
        let (fault, answered) = (parts.extensions.get().cloned(), parts.extensions.get().cloned());
        Reply { status: parts.status, headers: parts.headers, text, bytes: bytes.to_vec(), fault, answered }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts urlencoded text for a file.
    pub(crate) async fn download(&self, path: &str, form: &str) -> (HeaderMap, Vec<u8>) {
        let request = urlencoded(Method::POST, path, form);
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// Posts urlencoded text.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Reply {
        self.send(urlencoded(Method::POST, path, form)).await
    }

    pub(crate) async fn token(&self) -> String {
        let form = format!("f=json&client=referer&referer=x&username={ADMIN}&password={}", encoded(PASSWORD));
        let reply = self.post(GENERATE_TOKEN, &form).await;
        reply.text.split('"').nth(3).unwrap().to_owned()
    }

    /// Imports the root of most fixtures.
    pub(crate) async fn import_root(&self, token: &str) {
        let form = Form::new().text("f", "json").text("token", token).text("alias", "root");
        let reply = self.send(form.file("file", "root.pem", &fixture(ROOT_RSA)).post(IMPORT_ROOT)).await;
        assert_eq!(reply.text, "{\"status\":\"success\"}");
    }

    /// Every alias in the store.
    pub(crate) fn aliases(&self) -> Vec<String> {
        self.keystore().page(None, 1000, clock()).unwrap().iter().map(|entry| entry.alias.key()).collect()
    }

    /// The sign-in page as a browser gets it: its cookie, and what its form sends back.
    pub(crate) async fn sign_in_form(&self) -> (String, String) {
        let page = self.get(LOGIN).await;
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let (_, rest) = page.text.split_once("name=\"csrfPreventToken\" value=\"").unwrap();
        (cookie, rest.split('"').next().unwrap().to_owned())
    }

    /// Sends the form of the sign-in page.
    pub(crate) async fn log_in(&self, form: &str) -> Reply {
        let (cookie, secret) = self.sign_in_form().await;
        let mut request = urlencoded(Method::POST, LOGIN, &format!("{form}&csrfPreventToken={secret}"));
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        self.send(request).await
    }

    /// Signs a browser in: its cookie.
    pub(crate) async fn sign_in(&self) -> String {
        let reply = self.log_in(&format!("username={ADMIN}&password={}", encoded(PASSWORD))).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text);
        reply.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// A failure in JSON, to the letter.
    #[track_caller]
    pub(crate) fn is_error(&self, code: u16, message: &str, details: &[&str]) {
        let details: Vec<String> = details.iter().map(|detail| quoted(detail)).collect();
        let expected = format!(
            "{{\"error\":{{\"code\":{code},\"message\":{},\"details\":[{}]}}}}",
            quoted(message),
            details.join(",")
        );
        assert_eq!(self.text, expected);
        assert_eq!(self.status, StatusCode::OK);
        assert_eq!(self.header("content-type"), "application/json;charset=utf-8");
    }

    /// A failure of the server flavour in JSON, to the letter.
    #[track_caller]
    pub(crate) fn is_server_error(&self, code: u16, messages: &[&str]) {
        let messages: Vec<String> = messages.iter().map(|message| quoted(message)).collect();
        let expected =
            format!("{{\"status\":\"error\",\"messages\":[{}],\"code\":{code}}}", messages.join(","));
        assert_eq!(self.text, expected);
        assert_eq!(self.status, StatusCode::OK);
        assert_eq!(self.header("content-type"), "application/json;charset=utf-8");
    }

    #[track_caller]
    pub(crate) fn is_success(&self) {
        assert_eq!(self.text, "{\"status\":\"success\"}");
        assert_eq!(self.status, StatusCode::OK);
    }

    #[track_caller]
    pub(crate) fn is_page(&self, title: &str) {
        assert_eq!(self.status, StatusCode::OK);
        assert_eq!(self.header("content-type"), "text/html;charset=utf-8");
        assert!(self.text.contains(&format!("<title>{title} · Strongroom</title>")), "{}", self.text);
    }

    #[track_caller]
    pub(crate) fn has(&self, part: &str) {
        assert!(self.text.contains(part), "{part:?} is not in {}", self.text);
    }

    #[track_caller]
    pub(crate) fn has_not(&self, part: &str) {
        assert!(!self.text.contains(part), "{part:?} is in {}", self.text);
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn urlencoded(method: Method, path: &str, form: &str) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    let builder = builder.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    builder.body(Body::from(form.to_owned())).unwrap()
}

/// Percent-encodes every byte that is not a letter or a digit.
pub(crate) fn encoded(text: impl AsRef<[u8]>) -> String {
    let encode = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.as_ref().iter().map(encode).collect()
}

/// A multipart body made by hand.
#[derive(Clone, Default)]
pub(crate) struct Form {
    body: Vec<u8>,
}

const BOUNDARY: &str = "-----------RubyMultipartPost";

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, file_name: &str, bytes: &[u8]) -> Self {
        let disposition = format!(
            "name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Length: {}\r\nContent-Type: application/x-pkcs12\r\n\
             Content-Transfer-Encoding: binary",
            bytes.len()
        );
        self.part(&disposition, bytes)
    }

    fn part(mut self, disposition: &str, bytes: &[u8]) -> Self {
        self.body
            .extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").bytes());
        self.body.extend(bytes);
        self.body.extend(b"\r\n");
        self
    }

    pub(crate) fn post(self, path: &str) -> Request<Body> {
        self.post_with(path, &[])
    }

    pub(crate) fn post_with(mut self, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
        // Ruby ends with one line more.
        self.body.extend(format!("--{BOUNDARY}--\r\n\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let builder = Request::post(path).header(header::CONTENT_TYPE, kind);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(Body::from(self.body)).unwrap()
    }
}

/// A form with what every import by a program has.
pub(crate) fn json_form(token: &str, alias: &str) -> Form {
    Form::new().text("f", "json").text("token", token).text("alias", alias)
}
