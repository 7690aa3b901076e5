//! The authorisation matrix: every route by every spelling with every kind of token.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};
use http_body_util::BodyExt as _;
use strongroom::{
    Keystore, Password, UnixTime, UnlockKey,
    account::AccountName,
    engine::MemoryEngine,
    privilege::{Privilege, Privileges},
};
use tower::ServiceExt as _;

use crate::{
    router,
    session::lifetime,
    state::{ApiState, Settings},
    wire::{Flavour, Operation, access::Access, table::ROWS},
};

/// What each operation asks for. Beside the table, and without a default: an operation that is missing here does not
/// compile, and a row that says otherwise fails.
fn expected(operation: Operation) -> Access {
    match operation {
        Operation::GenerateToken
        | Operation::HealthCheck
        | Operation::OAuthAuthorize
        | Operation::OAuthSignIn
        | Operation::OpenApi
        | Operation::Outside
        | Operation::RestInfo
        | Operation::Script
        | Operation::SharingInfo
        | Operation::SharingRoot
        | Operation::SignIn
        | Operation::Style => Access::Public,
        Operation::CommunitySelf
        | Operation::CommunityUser
        | Operation::Directory
        | Operation::LocalMachine
        | Operation::Machine
        | Operation::Machines
        | Operation::NotOffered
        | Operation::PortalSelf
        | Operation::PortalServers
        | Operation::Security
        | Operation::SecurityConfig
        | Operation::SecurityTokens
        | Operation::SignOut
        | Operation::System => Access::SignedIn,
        Operation::Certificate | Operation::Certificates => Access::Needs(Privilege::List),
        Operation::Generate
        | Operation::GenerateCsr
        | Operation::ImportAuthority
        | Operation::ImportServerCertificate
        | Operation::ImportSignedCertificate
        | Operation::RollBack => Access::Needs(Privilege::Import),
        Operation::Delete => Access::Needs(Privilege::Delete),
        Operation::Export | Operation::ExportPkcs12 => Access::Needs(Privilege::Export),
        Operation::EditMachine | Operation::Update | Operation::UpdateSecurityConfig => {
            Access::Needs(Privilege::Administer)
        }
        Operation::LogSettings | Operation::Metrics => Access::Needs(Privilege::Audit),
    }
}

const NOW: u64 = 1_795_435_200;
const MACHINE: &str = "gis.example.test";

fn clock() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

struct Bench {
    state: ApiState,
    router: Router,
    keystore: Keystore,
    name: AccountName,
}

impl Bench {
    fn new() -> Self {
        let engine = Box::new(MemoryEngine::new(false));
        let keystore = Keystore::create_on_engine(engine, &UnlockKey::generate().unwrap(), clock()).unwrap();
        let name: AccountName = "siteadmin".parse().unwrap();
        keystore.add_administrator(&name, &Password::new("long enough").unwrap(), clock()).unwrap();
        let state = ApiState::new(keystore.clone(), Settings::new(MACHINE), clock);
        Self { router: router(state.clone()), state, keystore, name }
    }

    /// Says what the user may do, and signs in.
    fn may(&self, privileges: Privileges) {
        self.keystore.set_administrator_privileges(&self.name, privileges, clock()).unwrap();
    }

    /// A token that was issued at a time.
    fn token(&self, at: UnixTime) -> String {
        let record = self.keystore.administrator(&self.name).unwrap().unwrap();
        let issued = self.state.sessions().issue(self.name.clone(), &record, lifetime(None).unwrap(), at);
        issued.unwrap().token.to_string()
    }

    /// The code inside the answer, and all of it.
    async fn ask(&self, method: &Method, path: &str, token: &str) -> (u64, String) {
        let form = format!("f=json&token={token}");
        let request = Request::builder().method(method.clone());
        let request = if *method == Method::GET {
            request.uri(format!("{path}?{form}")).body(Body::empty())
        } else {
            request
                .uri(path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(form))
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let code = json["error"]["code"].as_u64().or_else(|| json["code"].as_u64());
        (code.unwrap_or(200), text)
    }
}

/// Every path of the table, with what it asks for.
fn paths() -> Vec<(String, Access, Flavour)> {
    let mut paths = Vec::new();
    for row in ROWS {
        for root in row.roots {
            for path in row.paths {
                let full = format!("/arcgis/{}/{path}", root.path());
                let full = full.replace("{machine}", MACHINE).replace("{alias}", "www");
                let full = full.replace("{name}", "siteadmin").trim_end_matches('/').to_owned();
                paths.push((full, expected(row.operation), root.flavour()));
            }
        }
    }
    // What is not in the table.
    paths.push(("/arcgis/portaladmin/federation".to_owned(), Access::SignedIn, Flavour::Portal));
    paths.push(("/arcgis/admin/services".to_owned(), Access::SignedIn, Flavour::Server));
    paths
}

#[test]
fn every_row_asks_for_what_the_matrix_says() {
    for row in ROWS {
        assert_eq!(row.access, expected(row.operation), "{:?}", row.operation);
    }
}

#[tokio::test]
async fn nobody_comes_in_without_a_good_token() {
    let bench = Bench::new();
    let hour = Duration::from_secs(NOW - 3600);
    let expired = bench.token(UnixTime::since_unix_epoch(hour));
    let revoked = bench.token(clock());
    bench.keystore.revoke_tokens(&bench.name, clock()).unwrap();
    for (path, access, _) in paths() {
        for method in [Method::GET, Method::POST] {
            for (token, code) in [("", 499), ("0123", 498), (&*expired, 498), (&*revoked, 498)] {
                let (found, text) = bench.ask(&method, &path, token).await;
                if access == Access::Public {
                    assert!(!matches!(found, 403 | 498 | 499), "{method} {path} {token:?}: {text}");
                } else {
                    assert_eq!(found, code, "{method} {path} {token:?}: {text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn each_privilege_opens_what_needs_it_and_nothing_else() {
    let bench = Bench::new();
    let single = Privilege::ALL.into_iter().map(|privilege| [privilege].into_iter().collect());
    let mut sets: Vec<Privileges> = single.collect();
    for missing in Privilege::ALL {
        sets.push(Privilege::ALL.into_iter().filter(|privilege| *privilege != missing).collect());
    }
    sets.extend([Privileges::NONE, Privileges::ALL]);
    let mut refused = 0;
    for privileges in sets {
        bench.may(privileges);
        for (path, access, _) in paths() {
            for method in [Method::GET, Method::POST] {
                let (code, text) = bench.ask(&method, &path, &bench.token(clock())).await;
                let denied = text.contains("You do not have permissions");
                let expected = match access {
                    Access::Needs(privilege) => !privileges.contains(privilege),
                    Access::Public | Access::SignedIn => false,
                };
                assert_eq!(denied, expected, "{method} {path} with {privileges}: {text}");
                assert!(!matches!(code, 498 | 499), "{method} {path} with {privileges}: {text}");
                if let (true, Access::Needs(privilege)) = (denied, access) {
                    assert_eq!(code, 403);
                    assert!(text.contains(&format!("the privilege '{privilege}' is needed")), "{text}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

#[tokio::test]
async fn privileges_that_are_taken_away_are_gone_at_once() {
    let bench = Bench::new();
    let (token, list) = (bench.token(clock()), format!("/arcgis/admin/machines/{MACHINE}/sslcertificates"));
    assert_eq!(bench.ask(&Method::GET, &list, &token).await.0, 200);
    bench.may([Privilege::Audit].into_iter().collect());
    assert_eq!(bench.ask(&Method::GET, &list, &token).await.0, 403);
    bench.may(Privileges::ALL);
    assert_eq!(bench.ask(&Method::GET, &list, &token).await.0, 200);
}
