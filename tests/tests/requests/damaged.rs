//! Requests whose rows are damaged: said where they might have been the one that is answered.

use rusqlite::Connection;

use super::*;

/// Changes a byte of the row of a request.
fn damage(desk: &Desk, name: &str) {
    let database = Connection::open(desk.folder.path().join("keystore.db")).unwrap();
    let key = [&[0xf0], name.as_bytes(), &[0]].concat();
    let read = "SELECT value FROM record WHERE key = ?1";
    let mut value: Vec<u8> = database.query_row(read, [&key], |row| row.get(0)).unwrap();
    value[40] ^= 1;
    let changed = database.execute("UPDATE record SET value = ?2 WHERE key = ?1", (key, value)).unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn a_reply_that_may_be_for_a_damaged_request_is_not_said_to_be_for_nobody() {
    let desk = Desk::new();
    let (www, shop) = (desk.request("www"), desk.request("shop"));
    let (for_www, for_shop) = (desk.answer(&www, "www.test"), desk.answer(&shop, "shop.test"));
    let answered = |reply: &Certificate| {
        desk.keystore.aliases_answered(reply.der(), &strongroom::limits::Limits::default())
    };
    assert_eq!(answered(&for_www).unwrap(), [alias("www")]);
    damage(&desk, "www");
    let error = answered(&for_www).unwrap_err();
    assert_eq!(issuance(&error), &IssuanceError::RequestDamaged { aliases: "www".to_owned() });
    assert_eq!(
        error.to_string(),
        "no key is that of the certificate; it may be the reply to a request that is damaged, and whose key cannot be compared: www"
    );
    // What can be compared is answered as before.
    assert_eq!(answered(&for_shop).unwrap(), [alias("shop")]);
    let error = desk.install("shop", &for_www).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "there is no other pending request; damaged, so that their keys cannot be compared: www"
        ),
        "{error}"
    );
    let error = desk.install("nobody", &for_www).unwrap_err();
    assert!(error.to_string().ends_with("; damaged, so that their keys cannot be compared: www"), "{error}");
    let error = desk.install("www", &for_www).unwrap_err();
    assert_eq!(error.code(), "store_corrupt");
    desk.install("shop", &for_shop).unwrap();
}
