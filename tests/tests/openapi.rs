//! The served description of the API against the server, by schemathesis: nothing fails, every answer is as described,
//! and nothing is answered to a stranger.
//!
//! Needs schemathesis (`STRONGROOM_SCHEMATHESIS`, else `schemathesis`); skips, and says so, without it.
//! `STRONGROOM_EXAMPLES` is the number of examples an operation.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use strongroom_tests::{
    command::{Run, Shop},
    server::{Server, has_curl},
};

const PASSWORD: &str = "p@ss wörd&+%!#";
/// Not those that go by HTTP's statuses: the API's failures are answered with 200, see the description.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
response_schema_conformance,refused_to_a_stranger";

#[expect(clippy::disallowed_methods, reason = "the program and how much it does may be said")]
fn said(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}

fn schemathesis() -> Option<String> {
    let program = said("STRONGROOM_SCHEMATHESIS", "schemathesis");
    let found = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(program);
    }
    eprintln!("skipped: there is no {program}; see STRONGROOM_SCHEMATHESIS");
    None
}

#[test]
fn answers_are_as_the_description_says_and_none_is_given_to_a_stranger() {
    let Some(program) = schemathesis().filter(|_| has_curl()) else {
        return;
    };
    let shop = Shop::open();
    shop.import_root();
    let add = shop.command(["user", "add", "siteadmin", "--pass-in", "env:P"]).env("P", PASSWORD).output();
    let add: Run = add.unwrap().into();
    assert_eq!(add.code, 0, "{}", add.err);
    let server = Server::start(&shop);
    let token = server.token("siteadmin", PASSWORD);
    let host = server.base.strip_suffix("/arcgis").unwrap();
    let examples = said("STRONGROOM_EXAMPLES", "10");
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/hooks.py");
    for is_stranger in [false, true] {
        let mut command = Command::new(&program);
        command
            .args(["run", &format!("{host}/openapi.json"), "--url", &server.base])
            .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--seed", "1"])
            .args(["--max-examples", &examples, "--tls-verify", "false"])
            .args(["--generation-database", "none", "--request-timeout", "60", "--max-redirects", "0"])
            .env("SCHEMATHESIS_HOOKS", &hooks)
            .env("NO_COLOR", "1")
            .current_dir(shop.folder.path());
        if is_stranger {
            command.env("STRONGROOM_STRANGER", "1");
        } else {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let run: Run = command.output().unwrap().into();
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    }
}
