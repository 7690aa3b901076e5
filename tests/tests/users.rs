//! Who may use the API, by the command.

use strongroom_tests::command::{Run, Shop, fine};

fn user(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command = shop.command(["--json", "user"].iter().chain(arguments));
    command.env("A", "correct horse battery").env("B", "another long password").output().unwrap().into()
}

#[test]
fn users_are_added_with_privileges_changed_and_removed() {
    let shop = Shop::open();
    fine(&user(&shop, &["add", "siteadmin", "--pass-in", "env:A"]));
    fine(&user(&shop, &["add", "Renewal", "--privileges", "import,list", "--pass-in", "env:A"]));
    let taken = user(&shop, &["add", "renewal", "--pass-in", "env:A"]);
    assert_eq!((taken.code, taken.error_code().as_str()), (4, "user_exists"));
    let users = fine(&user(&shop, &["ls"]))["users"].clone();
    assert_eq!(users[0]["name"], "Renewal");
    assert_eq!(users[0]["privileges"], serde_json::json!(["list", "import"]));
    let all = serde_json::json!(["list", "import", "delete", "export", "administer", "audit"]);
    assert_eq!(users[1]["privileges"], all);
    assert_eq!(users[1]["last_sign_in"], serde_json::Value::Null);
    assert_eq!(users[1]["tokens_not_before"], serde_json::Value::Null);

    assert_eq!(fine(&user(&shop, &["privileges", "renewal", "list"]))["outcome"], "changed");
    assert_eq!(fine(&user(&shop, &["passwd", "siteadmin", "--pass-in", "env:B"]))["outcome"], "changed");
    assert_eq!(fine(&user(&shop, &["revoke", "RENEWAL"]))["outcome"], "revoked");
    let users = fine(&user(&shop, &["ls"]))["users"].clone();
    assert_eq!(users[0]["privileges"], serde_json::json!(["list"]));
    assert!(users[0]["tokens_not_before"].is_string() && users[1]["tokens_not_before"].is_string());
    assert!(shop.run(["user", "ls"]).out.contains("never"));

    for arguments in [
        &["passwd", "nobody", "--pass-in", "env:B"][..],
        &["privileges", "nobody", "list"],
        &["revoke", "nobody"],
        &["rm", "nobody"],
    ] {
        let run = user(&shop, arguments);
        assert_eq!((run.code, run.error_code().as_str()), (3, "user_not_found"), "{arguments:?}");
    }
    let unknown = user(&shop, &["privileges", "renewal", "list,root"]);
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    let short = user(&shop, &["passwd", "siteadmin", "--pass-in", "pass:short"]);
    assert_eq!((short.code, short.error_code().as_str()), (2, "invalid_user"));

    fine(&user(&shop, &["rm", "renewal"]));
    let log = fine(&shop.json(["log"]))["log"].clone();
    let rows: Vec<(&str, &str, &str)> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().unwrap();
            (text("action"), text("alias"), text("outcome"))
        })
        .filter(|(action, _, _)| action.starts_with("user-"))
        .collect();
    for row in [
        ("user-add", "Renewal", "added"),
        ("user-add", "renewal", "user_exists"),
        ("user-privileges", "Renewal", "list"),
        ("user-passwd", "siteadmin", "changed"),
        ("user-passwd", "siteadmin", "invalid_user"),
        ("user-revoke", "Renewal", "revoked"),
        ("user-revoke", "nobody", "user_not_found"),
        ("user-rm", "renewal", "removed"),
    ] {
        assert!(rows.contains(&row), "{row:?} is not among {rows:?}");
    }
}

#[test]
fn who_takes_the_last_user_away_is_told() {
    let shop = Shop::open();
    fine(&user(&shop, &["add", "siteadmin", "--pass-in", "env:A"]));
    fine(&user(&shop, &["add", "other", "--pass-in", "env:A"]));
    let run = user(&shop, &["privileges", "other", "list"]);
    assert!(!run.err.contains("nobody is left"), "{}", run.err);
    let run = shop.run(["user", "rm", "siteadmin"]);
    assert!(
        run.err.contains(
            "nobody is left who may do everything over the API; to add somebody: strongroom --store "
        ),
        "{}",
        run.err
    );
    let run = shop.run(["user", "rm", "other"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("nobody is left who may sign in to the API; to add somebody: "), "{}", run.err);
}
