//! The use that it is made for: a server that reads PEM files, and reloads.

use std::{fs, net::TcpListener, path::Path};

use strongroom_tests::command::binary;

use super::*;

/// A real nginx; it ends with this value.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    /// On the files of a folder; `None` where it is not installed.
    fn start(folder: &Path, tls: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = folder.display();
        let configuration = format!(
            "daemon off; master_process on; pid {place}/nginx.pid; error_log {place}/error.log;\nevents {{}}\nhttp {{\n  \
             access_log off; client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;\n  \
             uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n  server {{\n    listen 127.0.0.1:{port} ssl;\n    \
             ssl_certificate {tls}/fullchain.pem;\n    ssl_certificate_key {tls}/privkey.pem;\n  }}\n}}\n",
            tls = tls.display()
        );
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.args(["-p", folder.to_str().unwrap(), "-c", "nginx.conf"]).stderr(Stdio::null());
        match nginx.spawn() {
            Ok(child) => Some(Self { child, port }),
            Err(_) => {
                println!("SKIPPED: nginx is not installed");
                None
            }
        }
    }

    /// The SHA-256 of the certificate that it shows.
    fn shows(&self) -> Option<String> {
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256",
            self.port
        );
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        Some(text.trim().split_once('=')?.1.replace(':', "").to_ascii_lowercase())
    }

    #[track_caller]
    fn comes_to_show(&self, sha256: &str) {
        let until = Instant::now() + LONG;
        while self.shows().as_deref() != Some(sha256) {
            assert!(Instant::now() < until, "it shows {:?}, and not {sha256}", self.shows());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn nginx_shows_a_renewal_by_itself_also_one_from_while_the_watch_was_down() {
    let shop = shop();
    let place = tempfile::tempdir().unwrap();
    let tls = place.path().join("tls");
    let line = format!(
        "\"$PROGRAM\" export \"$STRONGROOM_ALIAS\" -o {} --layout certbot --if-changed || test $? = 9 && {{ test ! -e nginx.pid || nginx -p . -c nginx.conf -s reload; }}",
        tls.display()
    );
    let start = || {
        Watch::start_with(&shop, ["watch", "www", "--exec", &line], |command| {
            command.env("PROGRAM", binary()).current_dir(place.path());
        })
    };
    let leaf = || fine(&shop.json(["show", "www"]))["sha256"].as_str().unwrap().to_owned();
    let watch = start();
    watch.tells("run for www");
    let Some(nginx) = Nginx::start(place.path(), &tls) else { return };
    let first = leaf();
    nginx.comes_to_show(&first);
    fine(&shop.json(OTHER));
    assert_ne!(leaf(), first);
    nginx.comes_to_show(&leaf());
    assert_eq!(watch.ends(LONG).last().map(String::as_str), Some("stopped"));
    // Nobody watches.
    fine(&shop.json(["undo", "www"]));
    let watch = start();
    nginx.comes_to_show(&first);
    // A reload that fails is made up for: the files are the same by then.
    watch.tells("run for www");
    let pid = place.path().join("nginx.pid");
    let away = place.path().join("away.pid");
    fs::rename(&pid, &away).unwrap();
    fs::write(&pid, "not a process\n").unwrap();
    fine(&shop.json(["undo", "www"]));
    watch.tells("www: the command exited with");
    fs::rename(&away, &pid).unwrap();
    nginx.comes_to_show(&leaf());
    assert_ne!(leaf(), first);
}

/// The service manager, as systemd is one: it is told when the watch follows the store, and when it ends.
#[cfg(target_os = "linux")]
#[test]
fn the_service_manager_is_told() {
    let shop = shop();
    let path = shop.folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let watch = Watch::start_with(&shop, ["watch", "--exec", "true"], |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let told = || {
        let mut buffer = [0_u8; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(told(), "READY=1");
    watch.signal("-TERM");
    assert_eq!(told(), "STOPPING=1");
}

#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let instance = folder.path().join("strongroom-watch@www.service");
    fs::copy("../dist/strongroom-watch@.service", folder.path().join("strongroom-watch@.service")).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&instance).output();
    let Ok(verified) = verified else {
        println!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    // The command is not installed where the tests run.
    let faults: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("strongroom") && !line.contains("is not executable"))
        .collect();
    assert!(faults.is_empty(), "{told}");
}
