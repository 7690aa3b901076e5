//! Files go out for other programs.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::Desk;

impl Desk {
    /// A PKCS #12 file holds the entry: by OpenSSL, and by keytool and NSS.
    #[track_caller]
    fn opens(&self, file: &str) {
        if self.peer(&format!("openssl pkcs12 -in {file} -passin env:P -nodes -out theirs.pem")).is_some() {
            self.same("theirs.pem", "cert.pem", "privkey.pem");
        }
        if let Some(listed) =
            self.peer(&format!("keytool -J-Duser.language=en -list -v -storepass:env P -keystore {file}"))
        {
            assert!(listed.contains("Alias name: www") && listed.contains("PrivateKeyEntry"), "{listed}");
        }
        let folder = format!("nss-{file}");
        fs::create_dir(self.path(&folder)).unwrap();
        self.peer(&format!("certutil -N -d sql:{folder} --empty-password"));
        if self.peer(&format!("pk12util -i {file} -d sql:{folder} -W changeit")).is_some() {
            let listed = self.peer(&format!("certutil -K -d sql:{folder}")).unwrap();
            assert!(listed.contains("www"), "{listed}");
        }
    }
}

#[test]
fn task_06_for_nginx() {
    let desk = Desk::new();
    desk.task(6);
    assert_eq!(desk.read("tls/privkey.pem"), desk.read("privkey.pem"));
    assert_eq!(desk.read("tls/fullchain.pem"), desk.read("fullchain.pem"));
    let mode = fs::metadata(desk.path("tls/privkey.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = desk.shop.folder.path().display().to_string();
    desk.write(
        "nginx.conf",
        &format!(
            "pid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  client_body_temp_path {folder};\n  proxy_temp_path {folder};\n  fastcgi_temp_path {folder};\n  uwsgi_temp_path {folder};\n  scgi_temp_path {folder};\n  server {{\n    listen 127.0.0.1:8443 ssl;\n    ssl_certificate {folder}/tls/fullchain.pem;\n    ssl_certificate_key {folder}/tls/privkey.pem;\n  }}\n}}\n"
        ),
    );
    if let Some(said) = desk.peer(&format!("nginx -t -c {folder}/nginx.conf")) {
        assert!(said.contains("test is successful"), "{said}");
    }
}

#[test]
fn task_07_for_haproxy() {
    let desk = Desk::new();
    desk.task(7);
    // What is put together by hand.
    assert_eq!(desk.read("haproxy.pem"), desk.sh("cat fullchain.pem privkey.pem"));
}

#[test]
fn task_08_for_windows_server_2016() {
    let desk = Desk::new();
    desk.task(8);
    desk.opens("windows.pfx");
    // The algorithms that OpenSSL writes for it, but for the certificates: those are in triple DES as well.
    let theirs = desk.run(
        "openssl pkcs12 -export -legacy -inkey privkey.pem -in fullchain.pem -passout env:P -out theirs.pfx",
    );
    if theirs.code == 0 {
        let of = |file: &str| {
            desk.peer(&format!("openssl pkcs12 -legacy -in {file} -passin env:P -noout -info")).unwrap()
        };
        for part in ["MAC: sha1", "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC"] {
            assert!(of("windows.pfx").contains(part) && of("theirs.pfx").contains(part), "{part}");
        }
    }
}

#[test]
fn task_09_for_java_8() {
    let desk = Desk::new();
    desk.task(9);
    desk.opens("java8.p12");
    // keytool writes the same algorithms where it is told to be that old.
    if desk.peer("keytool -J-Dkeystore.pkcs12.legacy -importkeystore -srckeystore java8.p12 -srcstorepass:env P -destkeystore theirs.p12 -deststorepass:env P -deststoretype PKCS12 -noprompt").is_some() {
        let of = |file: &str| desk.run(&format!("openssl pkcs12 -legacy -in {file} -passin env:P -noout -info")).err;
        for part in ["MAC: sha1", "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC"] {
            assert!(of("java8.p12").contains(part) && of("theirs.p12").contains(part), "{part}");
        }
    }
}

#[test]
fn task_10_for_fips() {
    let desk = Desk::new();
    let said = &desk.task(10)[0];
    assert!(said.err.contains("OpenSSL before 3.4"), "{}", said.err);
    desk.write(
        "f.py",
        "import os\nfrom cryptography.hazmat.primitives.serialization import *\nfrom cryptography.hazmat.primitives.serialization import pkcs12\nk = pkcs12.load_pkcs12(open('fips.p12', 'rb').read(), os.environ['LONG'].encode())\nopen('theirs.pem', 'wb').write(k.cert.certificate.public_bytes(Encoding.PEM) + k.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))\n",
    );
    if desk.run("python3 f.py").code == 0 {
        desk.same("theirs.pem", "cert.pem", "privkey.pem");
    } else {
        eprintln!("skipped: no cryptography of Python that knows PBMAC1");
    }
}

#[test]
fn task_11_for_macos() {
    let desk = Desk::new();
    desk.task(11);
    desk.opens("mac.p12");
}

#[test]
fn task_43_a_secret_of_kubernetes() {
    let desk = Desk::new();
    desk.task(43);
    assert_eq!(desk.read("secret/tls.crt"), desk.read("fullchain.pem"));
    assert_eq!(desk.read("secret/tls.key"), desk.read("privkey.pem"));
    assert_eq!(desk.read("secret/ca.crt"), desk.read("root.pem"));
}

#[test]
fn task_44_only_what_changed() {
    let desk = Desk::new();
    // In place of the service manager: says that it was called.
    desk.sh("mkdir bin && printf '#!/bin/sh\\necho \"$@\" >> reloads\\n' > bin/systemctl && chmod +x bin/systemctl");
    desk.task(44);
    assert_eq!(desk.read("reloads"), "reload nginx\n");
    desk.issue("www.test", "new-");
    desk.sh("strongroom import www new-fullchain.pem new-privkey.pem --replace");
    desk.sh(&super::task(44)[0].0);
    assert_eq!(desk.read("reloads"), "reload nginx\nreload nginx\n");
    assert_eq!(desk.read("tls/fullchain.pem"), desk.read("new-fullchain.pem"));
    assert_eq!(desk.read("tls/privkey.pem"), desk.read("new-privkey.pem"));
}
