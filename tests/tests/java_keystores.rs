//! Keystores of Java: those of keytool, the trust store of the system, hostile ones.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use strongroom::{
    Password,
    certificate::ServerCredential,
    jks::{JavaKeystore, JksError},
    limits::{KdfBudget, Limits},
};
use strongroom_tests::{
    authority::{leaf_params, root},
    command::{Shop, fine, refused},
    forge::{
        der::{integer, octets, oid, sequence},
        jks::{Jks, certificate, head, protect, sized, text},
    },
};

const PASSWORD: &str = "changeit";

fn open(bytes: &[u8], password: &str, keys: &[&str]) -> Result<JavaKeystore, JksError> {
    let limits = Limits::default();
    let keys: Vec<Password> = keys.iter().map(|key| Password::new(*key).unwrap()).collect();
    let password = Password::new(password).unwrap();
    JavaKeystore::open(bytes, &password, &keys, &limits, &mut KdfBudget::new(&limits))
}

/// Runs keytool in a folder; `None` where there is none.
fn keytool(folder: &Path, arguments: &str) -> Option<String> {
    let mut command = Command::new("keytool");
    command.args(arguments.split(' ')).current_dir(folder).env("P", PASSWORD).stdin(Stdio::null());
    let Ok(output) = command.output() else {
        eprintln!("skipped: keytool is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "keytool {arguments}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(said)
}

#[test]
fn keystores_of_keytool_are_inspected_and_imported() {
    for kind in ["JKS", "JCEKS"] {
        let shop = Shop::open();
        let folder = shop.folder.path();
        let store = format!("-keystore k -storetype {kind} -storepass {PASSWORD}");
        let pair = "-genkeypair -keyalg EC -groupname secp256r1 -validity 300 -ext san=dns:www.test";
        for (alias, more) in [("www", ""), ("Other", " -keypass another")] {
            if keytool(folder, &format!("{pair} -alias {alias} -dname CN={alias} {store}{more}")).is_none() {
                return;
            }
        }
        let rfc = keytool(folder, &format!("-exportcert -rfc -alias www {store}")).unwrap();
        fs::write(folder.join("www.pem"), rfc).unwrap();
        keytool(folder, &format!("-importcert -noprompt -alias trusted -file www.pem {store}")).unwrap();
        let file = folder.join("k").display().to_string();
        let result = fine(&shop.json(["inspect", &file, "--pass-in", "pass:changeit"]));
        assert_eq!(result["format"], kind.to_lowercase());
        assert_eq!(
            (result["keys"].as_array().unwrap().len(), &result["keys"][0]["curve"]),
            (1, &"P-256".into())
        );
        assert_eq!(result["locked_keys"][0]["friendly_name"], "other");
        assert_eq!(result["locked_keys"][0]["problem"]["code"], "key_password");
        let both = ["inspect", &file, "--pass-in", "pass:changeit", "--key-pass-in", "pass:another"];
        assert_eq!(fine(&shop.json(both))["keys"].as_array().unwrap().len(), 2);
        let import = ["import", "www", &file, "--pass-in", "pass:changeit"];
        assert!(refused(&shop.json(import), 6, "several_entries").contains("--entry"));
        let chosen = |more: &[&'static str]| shop.json([&import[..], more].concat());
        refused(&chosen(&["--entry", "other"]), 5, "key_password");
        assert_eq!(fine(&chosen(&["--entry", "www"]))["outcome"], "imported");
        let other = ["--entry", "other", "--key-pass-in", "pass:another", "--replace"];
        assert_eq!(fine(&chosen(&other))["outcome"], "replaced");
        refused(&shop.json(["import", "x", &file, "--pass-in", "pass:wrong"]), 5, "wrong_password");
        refused(&shop.json(["import", "x", &file]), 5, "password_missing");
    }
}

/// Java makes JCEKS keys under salts of our choice; where both halves are alike it permutes the first.
#[test]
fn salts_of_two_like_halves_are_permuted_as_java_does() {
    const SOURCE: &str = r#"
        import javax.crypto.*; import javax.crypto.spec.*; import java.util.*;
        public class Halves { public static void main(String[] a) throws Exception {
            byte[] salt = new byte[] {1, 2, 3, 4, 1, 2, 3, 4};
            SecretKey k = SecretKeyFactory.getInstance("PBEWithMD5AndTripleDES").generateSecret(new PBEKeySpec("changeit".toCharArray()));
            Cipher c = Cipher.getInstance("PBEWithMD5AndTripleDES");
            c.init(Cipher.ENCRYPT_MODE, k, new PBEParameterSpec(salt, 3));
            System.out.print(HexFormat.of().formatHex(c.doFinal(HexFormat.of().parseHex(a[0]))));
        } }"#;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Halves.java"), SOURCE).unwrap();
    let credential = root("Root").issue(&leaf_params("www.test"), &[]);
    let key = credential.key().expose_pkcs8_der();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let run = Command::new("java").args(["Halves.java", &hex]).current_dir(folder.path()).output();
    let Some(output) = run.ok().filter(|output| output.status.success()) else {
        eprintln!("skipped: java does not run a source file here");
        return;
    };
    let hex = String::from_utf8(output.stdout).unwrap();
    let data: Vec<u8> =
        (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    let salt = octets(&[1, 2, 3, 4, 1, 2, 3, 4]);
    let kind = sequence(&[oid("1.3.6.1.4.1.42.2.19.1"), sequence(&[salt, integer(&[3])])]);
    let mut keystore =
        Jks::new(PASSWORD).key("www", &sequence(&[kind, octets(&data)]), &[credential.leaf().der()]);
    keystore.magic = [0xce; 4];
    let opened = open(&keystore.build(), PASSWORD, &[]).unwrap();
    assert_eq!(opened.contents.locked.len(), 0);
    assert_eq!(opened.contents.keys[0].key.expose_pkcs8_der(), key);
}

#[test]
fn the_trust_store_of_the_system_is_imported() {
    let cacerts = "/etc/ssl/certs/java/cacerts";
    let Ok(bytes) = fs::read(cacerts) else {
        eprintln!("skipped: there is no {cacerts}");
        return;
    };
    if !bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        eprintln!("skipped: {cacerts} is no JKS");
        return;
    }
    let listed = Command::new("keytool")
        .args(["-list", "-storepass", PASSWORD, "-keystore", cacerts])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).matches("trustedCertEntry").count());
    let shop = Shop::open();
    let result = fine(&shop.json(["inspect", cacerts, "--pass-in", "pass:changeit"]));
    let certificates = result["certificates"].as_array().unwrap();
    assert!(certificates.iter().all(|one| one["trusted"] == true && one["friendly_name"].is_string()));
    if let Ok(listed) = listed {
        assert_eq!(certificates.len(), listed);
    }
    let result = fine(&shop.json(["ca", "import", "--all", cacerts, "--pass-in", "pass:changeit"]));
    assert_eq!(result["imported"].as_array().unwrap().len(), certificates.len());
    refused(&shop.json(["ca", "import", "--all", cacerts]), 5, "password_missing");
}

#[test]
fn every_entry_is_had_with_its_alias() {
    let ca = root("Root");
    let credential = ca.issue(&leaf_params("www.test"), &[]);
    let key = credential.key().expose_pkcs8_der();
    let name = "zertifikat-äö-证书-🔑";
    let mut keystore = Jks::new("pässwörd€")
        .key("own", &protect(key, "own"), &[credential.leaf().der(), ca.file()])
        .trusted("ca", ca.file());
    // As Java writes it: six bytes for what UTF-8 has four for.
    let written: Vec<u8> = name
        .encode_utf16()
        .flat_map(|unit| {
            let bits = |shift: u32| u8::try_from(unit >> shift & 0x3f).unwrap();
            match unit {
                0..0x80 => vec![u8::try_from(unit).unwrap()],
                0x80..0x800 => vec![0xc0 | bits(6), 0x80 | bits(0)],
                _ => vec![0xe0 | bits(12), 0x80 | bits(6), 0x80 | bits(0)],
            }
        })
        .collect();
    keystore = keystore.entry(
        [&2_u32.to_be_bytes()[..], &text(&written), &[0; 8], &certificate(credential.leaf().der())].concat(),
    );
    let opened = open(&keystore.build(), "pässwörd€", &["nothing", "own"]).unwrap();
    let names: Vec<_> =
        opened.contents.certificates.iter().map(|bag| bag.attributes.friendly_name.as_deref()).collect();
    assert_eq!(names, [Some("own"), None, Some("ca"), Some(name)]);
    let trusted: Vec<bool> = opened.contents.certificates.iter().map(|bag| bag.attributes.trusted).collect();
    assert_eq!(trusted, [false, false, true, true]);
    assert_eq!(opened.contents.keys[0].key.expose_pkcs8_der(), key);
    assert!(ServerCredential::choose(opened.contents, None).is_ok());
    // Version 1 has no type before a certificate.
    let mut old = Jks::new(PASSWORD).entry([head(2, "ca"), sized(ca.file())].concat());
    old.version = 1;
    assert_eq!(open(&old.build(), PASSWORD, &[]).unwrap().contents.certificates.len(), 1);
}

#[test]
fn a_secret_key_ends_what_is_read_and_hides_nothing() {
    let credential = root("Root").issue(&leaf_params("www.test"), &[]);
    let key = protect(credential.key().expose_pkcs8_der(), PASSWORD);
    let object = [head(3, "aes"), b"\xac\xed\x00\x05sr\x00\x33com.sun".to_vec()].concat();
    let first = Jks::new(PASSWORD).key("www", &key, &[credential.leaf().der()]).entry(object.clone());
    let last = open(&first.build(), PASSWORD, &[]).unwrap();
    assert_eq!(last.contents.skipped, ["the secret key \"aes\""]);
    assert_eq!(last.require_all(), Ok(()));
    let hidden = first.key("mail", &key, &[credential.leaf().der()]).build();
    let opened = open(&hidden, PASSWORD, &[]).unwrap();
    let refused_by = JksError::SecretEntry { alias: "aes".to_owned(), after: 1, keys: 1 };
    assert_eq!(opened.require_all(), Err(refused_by.clone()));
    assert_eq!(
        refused_by.to_string(),
        "the keystore has the secret key \"aes\", and 1 entry after it that cannot be read"
    );
    let shop = Shop::open();
    let path = shop.folder.path().join("k.jceks");
    fs::write(&path, hidden).unwrap();
    let import =
        ["import", "www", path.to_str().unwrap(), "--pass-in", "pass:changeit", "--allow", "no_anchor"];
    let help = refused(&shop.json(import), 6, "secret_entry");
    assert!(help.starts_with("choose one with --entry: "), "{help}");
    // What is named may be what was not read.
    refused(&shop.json([&import[..], &["--entry", "mail"]].concat()), 6, "secret_entry");
    let named = fine(&shop.json([&import[..], &["--entry", "www"]].concat()));
    assert_eq!(named["outcome"], "imported");
    // Nothing before it can be chosen, whatever is named.
    let before = Jks::new(PASSWORD).trusted("ca", credential.leaf().der()).entry(object);
    fs::write(&path, before.key("www", &key, &[credential.leaf().der()]).build()).unwrap();
    for arguments in [&import[..], &[&import[..], &["--entry", "www"]].concat()] {
        let run = shop.json(arguments.iter().copied());
        let help = refused(&run, 6, "secret_entry");
        assert!(help.starts_with("convert it: keytool -importkeystore -srckeystore "), "{help}");
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with("that cannot be read: no private key stands before it"), "{message}");
    }
}

#[test]
fn hostile_keystores_are_refused_at_once() {
    let ca = root("Root");
    let credential = ca.issue(&leaf_params("www.test"), &[]);
    let key = protect(credential.key().expose_pkcs8_der(), PASSWORD);
    let good = Jks::new(PASSWORD).key("www", &key, &[credential.leaf().der()]).trusted("ca", ca.file());
    let file = good.build();
    assert!(open(&file, PASSWORD, &[]).is_ok(), "the control");
    let with = |change: fn(&mut Jks)| {
        let mut keystore = good.clone();
        change(&mut keystore);
        keystore.build()
    };
    let alone = |entry: Vec<u8>| Jks::new(PASSWORD).entry(entry).build();
    let flipped = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    let pbe = |iterations: &[u8], salt: &[u8]| {
        let kind = sequence(&[oid("1.3.6.1.4.1.42.2.19.1"), sequence(&[octets(salt), integer(iterations)])]);
        let keys = (0..20).fold(Jks::new(PASSWORD), |keystore, n| {
            keystore.key(&n.to_string(), &sequence(&[kind.clone(), octets(&[7; 64])]), &[])
        });
        keys.build()
    };
    let many = |count: usize, entry: &dyn Fn(Jks) -> Jks| {
        (0..count).fold(Jks::new(PASSWORD), |keystore, _| entry(keystore)).build()
    };
    for (what, bytes, code) in [
        ("4,294,967,295 entries", with(|keystore| keystore.count = Some(u32::MAX)), "too_many"),
        ("4,097 entries", with(|keystore| keystore.count = Some(4097)), "too_many"),
        ("an entry that is not there", with(|keystore| keystore.count = Some(3)), "malformed"),
        ("an entry more than it says", with(|keystore| keystore.count = Some(1)), "malformed"),
        ("version 3", with(|keystore| keystore.version = 3), "unsupported_version"),
        ("version 1 that is 2", with(|keystore| keystore.version = 1), "truncated"),
        ("a chain of 4,294,967,295", alone([head(1, "a"), sized(&key), vec![0xff; 4]].concat()), "too_many"),
        ("2 GB of key", alone([head(1, "a"), vec![0x7f, 0xff, 0xff, 0xff]].concat()), "truncated"),
        (
            "2 GB of certificate",
            alone([head(2, "a"), text(b"X.509"), vec![0x7f, 0xff, 0xff, 0xff]].concat()),
            "truncated",
        ),
        ("an alias of 64 KiB", alone([vec![0, 0, 0, 2, 0xff, 0xff], vec![b'a'; 90]].concat()), "truncated"),
        (
            "an alias that is no text",
            alone([vec![0, 0, 0, 2, 0, 1, 0xff], vec![0; 90]].concat()),
            "malformed",
        ),
        ("an unknown kind", alone([head(4, "a"), vec![0; 90]].concat()), "malformed"),
        ("a flipped certificate", flipped(file.len() - 100), "wrong_password"),
        ("a flipped digest", flipped(file.len() - 1), "wrong_password"),
        ("a flipped kind", flipped(15), "malformed"),
        ("bytes behind", [&file[..], b"\0"].concat(), "malformed"),
        ("nothing but a magic number", file[..4].to_vec(), "truncated"),
        ("5,000,001 iterations", pbe(&[0x4c, 0x4b, 0x41], &[1; 8]), "bad_parameter"),
        ("20 times 5,000,000", pbe(&[0x4c, 0x4b, 0x40], &[1; 8]), "too_much_work"),
        ("no iteration", pbe(&[0], &[1; 8]), "bad_parameter"),
        ("a salt of 9 bytes", pbe(&[1], &[1; 9]), "bad_parameter"),
        ("a key that is none", many(1, &|keystore| keystore.key("a", b"junk", &[])), "malformed"),
        ("257 keys", many(257, &|keystore| keystore.key("a", &key, &[])), "too_many"),
        ("1,001 certificates", many(1001, &|keystore| keystore.trusted("a", b"0")), "too_many"),
        ("2 MiB", vec![0xfe; 2 << 20], "file_too_large"),
    ] {
        let start = Instant::now();
        let error = open(&bytes, PASSWORD, &[]).err().unwrap_or_else(|| panic!("{what} opened"));
        let took = start.elapsed();
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(took < Duration::from_millis(50), "{what}: {took:?}");
    }
    for length in 0..file.len() {
        let error = open(&file[..length], PASSWORD, &[]).err().unwrap_or_else(|| panic!("{length} opened"));
        assert!(matches!(error.code(), "truncated" | "wrong_password"), "{length}: {error}");
    }
    for at in 0..file.len() {
        // The first four bytes say what it is, which the caller has looked at.
        let opened = open(&flipped(at), PASSWORD, &[]);
        assert!(opened.is_err(), "a flip at {at} was not seen");
    }
    assert!(matches!(open(&file, "Changeit", &[]), Err(JksError::WrongPassword)));
}
