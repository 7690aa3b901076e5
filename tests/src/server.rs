//! `strongroom serve` on a free port, spoken to with curl.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

use crate::command::Shop;

/// A running server. It ends with this value.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    child: Child,
    stderr: Option<ChildStderr>,
    /// `https://127.0.0.1:PORT/arcgis`.
    pub base: String,
    /// Its machine name.
    pub machine: String,
    own: PathBuf,
}

/// Whether curl is installed; says so if it is not, and the test is skipped.
#[must_use]
pub fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: curl is not installed");
    }
    found
}

impl Server {
    /// Starts it on a store, as the machine `gis.fixture.test`.
    #[must_use]
    pub fn start(shop: &Shop) -> Self {
        Self::start_with(shop, |_| {})
    }

    /// The same with more arguments or variables.
    #[must_use]
    pub fn start_with(shop: &Shop, more: impl FnOnce(&mut Command)) -> Self {
        let mut command =
            shop.command(["--json", "serve", "--listen", "127.0.0.1:0", "--machine", "gis.fixture.test"]);
        more(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| ready["result"][name].as_str().unwrap_or_else(|| panic!("{line}")).to_owned();
        let base = text("url").strip_suffix("/portaladmin").unwrap().to_owned();
        let own = shop.folder.path().join("own.pem");
        std::fs::write(&own, shop.run(["show", "selfsignedcertificate", "--pem"]).out).unwrap();
        let stderr = child.stderr.take();
        Self { child, stderr, base, machine: text("machine"), own }
    }

    /// curl with its arguments; gives the body. TLS is verified against the server's own certificate.
    pub fn curl<'a>(&self, path: &str, arguments: impl IntoIterator<Item = &'a str>) -> String {
        self.try_curl(path, arguments).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same, for who goes on where there is no answer.
    ///
    /// # Errors
    ///
    /// What curl says.
    pub fn try_curl<'a>(
        &self,
        path: &str,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<String, String> {
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "60", "--cacert"])
            .arg(&self.own)
            .args(arguments)
            .arg(format!("{}{path}", self.base))
            .current_dir(crate::manifest::folder())
            .output()
            .expect("curl is installed");
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The body as JSON.
    pub fn json<'a>(&self, path: &str, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        let body = self.curl(path, arguments);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// A token for a user.
    #[must_use]
    pub fn token(&self, user: &str, password: &str) -> String {
        let (user, password) = (format!("username={user}"), format!("password={password}"));
        let fields = [
            "--data-urlencode",
            &user,
            "--data-urlencode",
            &password,
            "-d",
            "client=referer&referer=x&f=json",
        ];
        let answer = self.json("/sharing/rest/generateToken", fields);
        answer["token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        let rest = self.base.strip_prefix("https://").unwrap_or(&self.base);
        rest.split('/').next().unwrap_or(rest).parse().unwrap()
    }

    /// Tells it to stop as a service manager does, and gives its exit code once it has ended.
    #[must_use]
    pub fn terminate(&mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap().code()
    }

    /// The certificate by which it is verified.
    #[must_use]
    pub fn own_certificate(&self) -> &std::path::Path {
        &self.own
    }

    /// Ends it and gives what it wrote on standard error.
    #[must_use]
    pub fn stop(mut self) -> String {
        self.end();
        let mut text = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
