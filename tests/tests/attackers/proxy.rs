//! The access log, directly and behind nginx.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use strongroom_tests::https::{Https, get};

use super::bystander::{LIST, OWNER, SIGN_IN, Site, stranger};

/// The lines of the log, once there are so many.
fn lines(path: &PathBuf, count: usize) -> Vec<Value> {
    for _ in 0..100 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= count {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not {count} lines in {}", path.display());
}

fn site(trusted: &[&str]) -> (Site, PathBuf) {
    let mut log = PathBuf::new();
    let site = Site::with(|shop, command| {
        log = shop.folder.path().join("access.log");
        command.arg("--access-log").arg(&log);
        for address in trusted {
            command.args(["--trusted-proxy", address]);
        }
    });
    (site, log)
}

#[test]
fn each_request_is_a_line_without_a_secret() {
    let (site, path) = site(&[]);
    let token = site.sign_in(OWNER).unwrap();
    site.https.send(stranger(5), &get(&format!("{LIST}?f=json&token={token}"))).unwrap();
    site.https.send(stranger(6), &get(&format!("{LIST}?f=json&token=wrong"))).unwrap();
    site.https.send(stranger(6), &get(&format!("{LIST}?f=json"))).unwrap();
    site.https.post(stranger(7), SIGN_IN, "username=siteadmin&password=hunter2hunter2&f=json").unwrap();
    let forged = format!("GET {LIST}?f=json HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n");
    site.https.send(stranger(8), forged.as_bytes()).unwrap();
    let lines = lines(&path, 6);
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in [token.as_str(), "hunter2hunter2", super::bystander::PASSWORD] {
        assert!(!text.contains(secret), "{text}");
    }
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let field = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            let number = |name: &str| line[name].as_u64().unwrap();
            assert!(line["milliseconds"].is_u64() && line["time"].is_string(), "{line}");
            (
                field("method"),
                field("path"),
                number("status"),
                number("code"),
                field("user"),
                field("address"),
            )
        })
        .collect();
    let line = |method: &str, path: &str, code: u64, user: &str, n: usize| {
        let address = if n == 0 { OWNER } else { stranger(n) }.to_string();
        (method.to_owned(), path.to_owned(), 200, code, user.to_owned(), address)
    };
    assert_eq!(
        seen[1..],
        [
            line("GET", LIST, 200, "siteadmin", 5),
            line("GET", LIST, 498, "-", 6),
            line("GET", LIST, 499, "-", 6),
            line("POST", SIGN_IN, 400, "-", 7),
            line("GET", LIST, 499, "-", 8),
        ]
    );
    assert_eq!((seen[0].0.as_str(), seen[0].3, seen[0].5.as_str()), ("POST", 200, "127.0.0.1"));
}

#[test]
fn log_that_cannot_be_written_is_refused_at_start() {
    let shop = strongroom_tests::command::Shop::open();
    let run = shop.json(["serve", "--listen", "127.0.0.1:0", "--access-log", "/nowhere/access.log"]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "cannot_write_log"), "{}", run.out);
}

/// nginx with TLS towards its clients and towards the server; it ends with this value.
struct Nginx {
    child: Child,
    https: Https,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn nginx(site: &Site) -> Option<Nginx> {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: nginx is not installed");
        return None;
    }
    let folder = site.shop.folder.path().join("nginx");
    std::fs::create_dir(&folder).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=localhost", "-days", "30"])
        .current_dir(&folder)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|made| made.success()) {
        eprintln!("skipped: openssl is not installed");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (backend, place) = (site.server.socket(), folder.display());
    let config = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n\
           fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
           server {{ listen {port} ssl; ssl_certificate {place}/c.pem; ssl_certificate_key {place}/k.pem;\n\
             location / {{ proxy_pass https://{backend}; proxy_http_version 1.1; proxy_bind 127.0.0.99;\n\
               proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n"
    );
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let child = Command::new("nginx")
        .arg("-p")
        .arg(&folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let nginx = Nginx { child, https: Https::new(port) };
    for _ in 0..100 {
        if nginx.https.tcp(OWNER).is_ok() {
            return Some(nginx);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{}", std::fs::read_to_string(folder.join("error.log")).unwrap_or_default());
}

#[test]
fn nginx_is_believed_where_it_is_trusted_and_only_there() {
    for (trusted, address) in
        [(vec!["127.0.0.99"], stranger(5).to_string()), (vec![], "127.0.0.99".to_owned())]
    {
        let (site, path) = site(&trusted);
        let Some(nginx) = nginx(&site) else {
            return;
        };
        // What the client says of itself is not believed in either case.
        let request = format!("GET {LIST}?f=json HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n");
        let reply = nginx.https.send(stranger(5), request.as_bytes()).unwrap();
        assert!(reply.body.contains("\"code\":499"), "{}", reply.body);
        assert_eq!(lines(&path, 1)[0]["address"], address.as_str());
    }
}
