//! /metrics: of every machine, by names that dashboards know, and of what the API was asked.

use strongroom::{Keystore, UnlockKey};
use strongroom_api::{ApiState, Machine};

use crate::harness::{ADMIN, GENERATE_TOKEN, MACHINE, ROOT_RSA, Server, WRONG, clock, encoded, fixture};

#[tokio::test]
async fn every_machine_is_in_one_text_with_what_was_asked_of_the_api() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = UnlockKey::generate().unwrap();
    let second = Keystore::create(folder.path().join("second.db"), &unlock, clock()).unwrap();
    second.import_authority(&"ours".parse().unwrap(), &fixture(ROOT_RSA), clock()).unwrap();
    let server = Server::made(|keystore, settings| {
        let (first, second) = (Machine::new(MACHINE, keystore), Machine::new("SECOND", second));
        let state = ApiState::of_machines(first, vec![second], settings, clock);
        state.count_connections(|| 7);
        state
    });
    let token = server.token().await;
    server.import_root(&token).await;
    server.post(GENERATE_TOKEN, &format!("f=json&username={ADMIN}&password={}", encoded(WRONG))).await;
    server.get("/metrics?f=json").await.has("499");
    let reply = server.get(&format!("/metrics?token={token}")).await;
    assert_eq!(reply.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        "x509_cert_not_after{machine=\"gis.fixture.test\",alias=\"root\",role=\"anchor\",subject_CN=\"Strongroom Fixture Root R1\",",
        "x509_cert_not_after{machine=\"SECOND\",alias=\"ours\",role=\"anchor\",",
        "strongroom_entries{machine=\"gis.fixture.test\",kind=\"ca\"} 1\n",
        "strongroom_entries{machine=\"SECOND\",kind=\"ca\"} 1\n",
        "strongroom_entries{machine=\"SECOND\",kind=\"server\"} 0\n",
        "x509_read_errors{machine=\"SECOND\"} 0\n",
        "strongroom_imports_total{outcome=\"done\"} 1\n",
        "strongroom_sign_ins_total{outcome=\"done\"} 1\n",
        "strongroom_sign_ins_total{outcome=\"refused\"} 1\n",
        "strongroom_refusals_total{reason=\"token_required\"} 1\n",
        "strongroom_connections 7\n",
    ] {
        reply.has(line);
    }
    assert_eq!(reply.text.matches("# EOF").count(), 1);
    assert!(reply.text.ends_with("\n# EOF\n"));
    // Each family is said once, whatever it has of machines.
    for line in reply.text.lines().filter(|line| line.starts_with("# TYPE ")) {
        assert_eq!(reply.text.matches(line).count(), 1, "{line}");
    }
}
