//! CA certificates: in, out, and away.

use strongroom_tests::{armour::pem, authority::root, command::fine};

use super::Desk;

#[test]
fn task_31_a_bundle_of_cas() {
    let desk = Desk::new();
    let cas: String = (0..5).map(|n| pem("CERTIFICATE", root(&format!("Example Root {n}")).file())).collect();
    desk.write("bundle.pem", &cas);
    desk.task(31);
    let listed = fine(&desk.run("strongroom --json ca ls"));
    // With the root of the desk, and the intermediate that is stored beside its entry.
    let names =
        listed["entries"].as_array().unwrap().iter().map(|one| one["alias"].as_str().unwrap().to_owned());
    assert_eq!(names.filter(|name| name.starts_with("example-root-")).count(), 5, "{listed}");
    // keytool takes the first and reports success.
    if let Some(said) =
        desk.peer("keytool -importcert -noprompt -alias x -file bundle.pem -keystore x.p12 -storepass:env P")
    {
        assert!(said.contains("added"), "{said}");
        let theirs =
            desk.peer("keytool -J-Duser.language=en -list -keystore x.p12 -storepass:env P").unwrap();
        assert!(theirs.contains("contains 1 entry"), "{theirs}");
    }
}

#[test]
fn task_32_what_would_break_without_a_ca() {
    let desk = Desk::new();
    let runs = desk.task(32);
    assert!(runs[0].err.contains("error[in_use]") && runs[0].err.contains("www"), "{}", runs[0].err);
    assert!(runs[1].out.contains("www"), "{}", runs[1].out);
    assert_eq!(desk.run("strongroom verify www").code, 0);
}

#[test]
fn task_33_a_trust_store_for_java() {
    let desk = Desk::new();
    desk.write("other.pem", &pem("CERTIFICATE", root("Other Root").file()));
    desk.sh("strongroom ca import other other.pem");
    desk.task(33);
    let Some(listed) = desk.peer("keytool -J-Duser.language=en -list -keystore trust.p12 -storepass:env P")
    else {
        return;
    };
    assert!(
        listed.contains("contains 2 entries") && listed.matches("trustedCertEntry").count() == 2,
        "{listed}"
    );
    // The same entries as those that keytool makes.
    for (alias, file) in [("root", "root.pem"), ("other", "other.pem")] {
        desk.peer(&format!("keytool -importcert -noprompt -alias {alias} -file {file} -keystore theirs.p12 -storetype PKCS12 -storepass:env P"));
    }
    let theirs =
        desk.peer("keytool -J-Duser.language=en -list -keystore theirs.p12 -storepass:env P").unwrap();
    let prints = |text: &str| {
        let mut found: Vec<String> =
            text.lines().filter(|line| line.contains("fingerprint")).map(str::to_owned).collect();
        found.sort();
        found
    };
    assert_eq!(prints(&listed), prints(&theirs));
}

#[test]
fn task_34_a_bundle_for_curl() {
    let desk = Desk::new();
    desk.task(34);
    assert_eq!(desk.read("ca.pem"), desk.read("root.pem"));
    if let Some(said) = desk.peer("openssl verify -CAfile ca.pem -untrusted chain.pem cert.pem") {
        assert!(said.contains("OK"), "{said}");
    }
}
