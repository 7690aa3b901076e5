//! Who gets in while others guess, and what the store's log has of it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::Method;
use strongroom_api::Client;

use crate::harness::{
    ADMIN, CERTIFICATES, GENERATE_TOKEN, PASSWORD, Reply, Server, WRONG, encoded, urlencoded,
};

const FAILED: &str = "Unable to generate token.";
const WRONG_DETAIL: &str = "Invalid username or password.";

async fn sign_in(server: &Server, from: [u8; 4], name: &str, password: &str) -> Reply {
    let form = format!("f=json&username={name}&password={}", encoded(password));
    let mut request = urlencoded(Method::POST, GENERATE_TOKEN, &form);
    request.extensions_mut().insert(Client::new(IpAddr::from(from)));
    server.send(request).await
}

#[track_caller]
fn waits(reply: &Reply, seconds: u64) {
    let wait = format!("Too many failed attempts: wait {seconds} seconds and try again.");
    reply.is_error(400, FAILED, &[WRONG_DETAIL, &wait]);
}

#[track_caller]
fn is_in(reply: &Reply) {
    assert!(reply.text.starts_with("{\"token\":\""), "{}", reply.text);
}

#[tokio::test]
async fn ten_failures_from_an_address_begin_a_wait_there_and_nowhere_else() {
    let (server, stranger, owner) = (Server::new(), [192, 0, 2, 66], [192, 0, 2, 1]);
    tokio::time::pause();
    for name in [ADMIN, "nobody"] {
        for _ in 0..10 {
            sign_in(&server, stranger, name, WRONG).await.is_error(400, FAILED, &[WRONG_DETAIL]);
        }
        // A name that nobody has waits as well. Each refusal takes a second.
        waits(&sign_in(&server, stranger, name, PASSWORD).await, 59);
        waits(&sign_in(&server, stranger, &name.to_uppercase(), PASSWORD).await, 58);
    }
    is_in(&sign_in(&server, owner, ADMIN, PASSWORD).await);
    tokio::time::advance(Duration::from_secs(20)).await;
    // The first name began four seconds ago.
    waits(&sign_in(&server, stranger, ADMIN, PASSWORD).await, 35);
    tokio::time::advance(Duration::from_secs(35)).await;
    is_in(&sign_in(&server, stranger, ADMIN, PASSWORD).await);
}

#[tokio::test]
async fn owner_gets_in_where_he_was_before_whatever_others_guess() {
    let (server, owner) = (Server::new(), [192, 0, 2, 1]);
    tokio::time::pause();
    is_in(&sign_in(&server, owner, ADMIN, PASSWORD).await);
    let mut refused = 0;
    for host in 0..120_u8 {
        let reply = sign_in(&server, [198, 51, 100, host], ADMIN, WRONG).await;
        refused += u32::from(reply.text.contains("Too many"));
    }
    assert_eq!(refused, 20, "a hundred guesses in all");
    is_in(&sign_in(&server, owner, ADMIN, PASSWORD).await);
    // Not because the counts would be forgotten.
    assert!(sign_in(&server, [203, 0, 113, 1], ADMIN, PASSWORD).await.text.contains("Too many"));
    // Another process, or this one after a restart, knows the address too.
    let again = server.again();
    for host in 0..100_u8 {
        sign_in(&again, [198, 51, 100, host], ADMIN, WRONG).await;
    }
    is_in(&sign_in(&again, owner, ADMIN, PASSWORD).await);
}

#[tokio::test]
async fn hundred_right_sign_ins_at_once_all_get_in() {
    let server = Arc::new(Server::new());
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let server = Arc::clone(&server);
        all.spawn(async move { sign_in(&server, [192, 0, 2, 1], ADMIN, PASSWORD).await });
    }
    while let Some(reply) = all.join_next().await {
        is_in(&reply.unwrap());
    }
}

#[tokio::test]
async fn sign_ins_are_logged_with_the_address_and_stand_with_the_administrator() {
    let server = Server::new();
    is_in(&sign_in(&server, [192, 0, 2, 1], "SiteAdmin", PASSWORD).await);
    is_in(&sign_in(&server, [192, 0, 2, 2], ADMIN, PASSWORD).await);
    let rows = server.log("sign-in");
    let expected = [("192.0.2.1", "api siteadmin"), ("192.0.2.2", "api siteadmin")];
    for (row, (address, actor)) in rows.iter().zip(expected) {
        assert_eq!((&*row.actor, &*row.alias, &*row.outcome), (actor, ADMIN, &*format!("from {address}")));
    }
    assert_eq!(rows.len(), 2);
    let known = server.keystore().administrator(&ADMIN.parse().unwrap()).unwrap().unwrap();
    let addresses: Vec<String> = known.sign_ins.iter().map(|known| known.address.to_string()).collect();
    assert_eq!(addresses, ["192.0.2.2", "192.0.2.1"]);
}

#[tokio::test]
async fn refusals_are_one_row_a_minute_and_name_nobody() {
    let server = Server::new();
    tokio::time::pause();
    for n in 1..=3 {
        sign_in(&server, [192, 0, 2, n], ADMIN, WRONG).await.is_error(400, FAILED, &[WRONG_DETAIL]);
        sign_in(&server, [192, 0, 2, n], "nobody", WRONG).await.is_error(400, FAILED, &[WRONG_DETAIL]);
    }
    let mut bad = urlencoded(Method::POST, CERTIFICATES, "f=json&token=0123");
    bad.extensions_mut().insert(Client::new([192, 0, 2, 9].into()));
    server.send(bad).await.is_error(498, "Invalid Token", &[]);
    // No token is no refusal: every client begins like that.
    server.post(CERTIFICATES, "f=json").await.is_error(499, "Token Required", &[]);
    assert_eq!(server.log("refusals"), []);
    tokio::time::sleep(Duration::from_secs(61)).await;
    tokio::time::resume();
    let row = "7 refused: the first from 192.0.2.1, the last from 192.0.2.9";
    let rows = loop {
        let rows = server.log("refusals");
        if !rows.is_empty() {
            break rows;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((rows.len(), &*rows[0].outcome, &*rows[0].alias, &*rows[0].actor), (1, row, "", "api"));
    // A name that nobody has stands nowhere: it may be a password in the wrong field.
    let log = format!("{:?}", server.keystore().log(0, 1000).unwrap());
    assert!(!log.contains("nobody"), "{log}");
    server.keystore().verify_log().unwrap();
}

#[tokio::test]
async fn last_refusals_are_logged_as_the_server_stops() {
    let server = Server::new();
    sign_in(&server, [192, 0, 2, 1], ADMIN, WRONG).await.is_error(400, FAILED, &[WRONG_DETAIL]);
    let stopped = server.stop();
    let rows = stopped.log("refusals");
    assert_eq!(rows[0].outcome, "1 refused, from 192.0.2.1");
}

#[tokio::test]
async fn what_was_refused_and_to_whom_is_in_the_extensions_of_the_answer() {
    use strongroom_api::Refusal;

    let server = Server::new();
    let token = server.token().await;
    let answered = |reply: Reply| {
        let answered = reply.answered.unwrap();
        (answered.user, answered.code, answered.refusal)
    };
    let post = |path: &str, form: String| {
        let (server, path) = (&server, path.to_owned());
        async move { answered(server.post(&path, &form).await) }
    };
    assert_eq!(post(CERTIFICATES, "f=json".to_owned()).await, (None, 499, Some(Refusal::NoToken)));
    let bad = post(CERTIFICATES, "f=json&token=0".to_owned()).await;
    assert_eq!(bad, (None, 498, Some(Refusal::BadToken)));
    let good = post(CERTIFICATES, format!("f=json&token={token}")).await;
    assert_eq!(good, (Some(ADMIN.to_owned()), 200, None));
    let wrong = format!("f=json&username={ADMIN}&password={}", encoded(WRONG));
    for _ in 0..10 {
        assert_eq!(post(GENERATE_TOKEN, wrong.clone()).await, (None, 400, Some(Refusal::SignIn)));
    }
    // The address is the one from which the token came: its own share is used up.
    assert_eq!(post(GENERATE_TOKEN, wrong).await, (None, 400, Some(Refusal::Throttled)));
    let name = ADMIN.parse().unwrap();
    let none = strongroom::privilege::Privileges::NONE;
    server.keystore().set_administrator_privileges(&name, none, crate::harness::clock()).unwrap();
    let denied = post(CERTIFICATES, format!("f=json&token={token}")).await;
    assert_eq!(denied, (Some(ADMIN.to_owned()), 403, Some(Refusal::Privilege)));
}
