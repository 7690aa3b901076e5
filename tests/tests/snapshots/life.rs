//! The life of a keeper: every command, in an order in which each has something to show.

use std::{fs, path::Path};

use rcgen::{CertificateParams, KeyPair, SerialNumber};
use strongroom::{Keystore, UnlockKey};
use strongroom_tests::{
    armour::pem,
    authority::{TestCa, ca_params, leaf_params, root, valid},
};

/// What is done before a step, to the files of the keeper.
type Before = fn(&Path, &Files);

/// One call of the program.
pub(crate) struct Step {
    /// The command, which names the snapshot.
    pub(crate) command: &'static str,
    pub(crate) line: &'static str,
    /// What is typed, each once something was shown.
    pub(crate) typed: &'static [(&'static str, &'static str)],
    pub(crate) before: Option<Before>,
}

const fn step(command: &'static str, line: &'static str) -> Step {
    Step { command, line, typed: &[], before: None }
}

const fn typed(
    command: &'static str,
    line: &'static str,
    typed: &'static [(&'static str, &'static str)],
) -> Step {
    Step { command, line, typed, before: None }
}

const fn after(before: Before, command: &'static str, line: &'static str) -> Step {
    Step { command, line, typed: &[], before: Some(before) }
}

/// The CAs of the keeper, who issues what a step needs.
pub(crate) struct Files {
    issuing: TestCa,
}

impl Files {
    /// A folder with what the steps import.
    pub(crate) fn write(folder: &Path) -> Self {
        let [root, stranger, spare] = ["Example Root", "Stranger Root", "Spare Root"].map(root);
        let mut params = ca_params("Example Issuing CA");
        valid(&mut params, -700, 380);
        params.serial_number = Some(SerialNumber::from(vec![0x2f; 18]));
        let issuing = root.issue_ca(params);
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        let ca = |ca: &TestCa| pem("CERTIFICATE", ca.file());
        write("root.pem", &ca(&root));
        write("issuing.pem", &ca(&issuing));
        let mut www = leaf_params("www.example.test");
        www.subject_alt_names.push("example.test".try_into().map(rcgen::SanType::DnsName).unwrap());
        let mut expired = leaf_params("old.example.test");
        valid(&mut expired, -400, -3);
        let mut soon = leaf_params("*.tenant.test");
        valid(&mut soon, -50, 9);
        let issue = |name: &str, ca: &TestCa, mut params: CertificateParams, serial: u8| {
            params.serial_number = Some(SerialNumber::from(vec![0x30 + serial; 18]));
            let key = KeyPair::generate().unwrap();
            let leaf = pem("CERTIFICATE", ca.issue_leaf_for(&params, &key).der());
            write(&format!("{name}.pem"), &leaf);
            write(&format!("{name}.key"), &key.serialize_pem());
            leaf
        };
        let leaf = issue("www", &issuing, www.clone(), 1);
        issue("new", &issuing, www, 2);
        issue("old", &issuing, expired, 3);
        issue("wild", &issuing, soon, 4);
        issue("stranger", &stranger, leaf_params("stranger.test"), 5);
        fs::create_dir(folder.join("incoming")).unwrap();
        for (number, name) in [(6, "incoming/api"), (7, "incoming/mail")] {
            let host = format!("{}.example.test", name.trim_start_matches("incoming/"));
            issue(name, &issuing, leaf_params(&host), number);
        }
        write("bundle.pem", &(ca(&root) + &ca(&spare) + &leaf));
        Self { issuing }
    }

    /// What the CA answers to a request.
    fn answer(&self, folder: &Path, alias: &str, host: &str) {
        let store = folder.join(".local/share/strongroom");
        let unlock = UnlockKey::read_file(&store.join("keystore.key")).unwrap();
        let keystore = Keystore::options(store.join("keystore.db")).read_only().open(&unlock).unwrap();
        let request = keystore.signing_request(&alias.parse().unwrap()).unwrap();
        let leaf = self.issuing.answer(&request, &leaf_params(host));
        fs::write(folder.join("reply.pem"), pem("CERTIFICATE", leaf.der())).unwrap();
    }
}

fn reply(folder: &Path, files: &Files) {
    files.answer(folder, "shop", "shop.example.test");
}

const CTRL_C: &str = "\\x03";

pub(crate) const LIFE: &[Step] = &[
    step("strongroom", "strongroom --help"),
    step("help", "strongroom help exit-codes"),
    step("help", "strongroom help nothing"),
    step("init", "strongroom init"),
    step("init", "strongroom init"),
    step("config", "strongroom config"),
    step("ls", "strongroom ls"),
    step("ca ls", "strongroom ca ls"),
    step("csr ls", "strongroom csr ls"),
    step("bind", "strongroom bind"),
    step("user ls", "strongroom user ls"),
    step("check", "strongroom check"),
    step("import", "strongroom import www www.pem www.key"),
    step("ca import", "strongroom ca import root root.pem"),
    step("ca import", "strongroom ca import root root.pem"),
    step("ca import", "strongroom ca import issuing issuing.pem"),
    step("ca import", "strongroom ca import www www.pem"),
    step("ca import", "strongroom ca import --all bundle.pem"),
    step("inspect", "strongroom inspect www.pem"),
    step("inspect", "strongroom inspect www.pem issuing.pem www.key"),
    step("inspect", "strongroom inspect www.pem new.key"),
    step("import", "strongroom import www www.pem www.key --dry-run"),
    step("import", "strongroom import www www.pem www.key"),
    step("import", "strongroom import www www.pem www.key"),
    step("import", "strongroom import www new.pem new.key"),
    step("import", "strongroom import www www.pem new.key"),
    step("import", "strongroom import www new.pem new.key --replace"),
    step("import", "strongroom import wild wild.pem wild.key"),
    step("import", "strongroom import old old.pem old.key"),
    step("import", "strongroom import old old.pem old.key --allow expired"),
    step("import", "strongroom import stranger stranger.pem stranger.key"),
    step("import", "strongroom import --all incoming"),
    step("generate", "strongroom generate test --name test.example.test --name 10.0.0.1"),
    step("generate", "strongroom generate test --name test.example.test"),
    step("csr", "strongroom csr shop --name shop.example.test -o shop.csr"),
    step("csr", "strongroom csr shop --name shop.example.test -o again.csr"),
    step("csr", "strongroom csr www --like www -o www.csr"),
    step("csr ls", "strongroom csr ls"),
    step("csr show", "strongroom csr show shop"),
    after(reply, "csr install", "strongroom csr install shop reply.pem"),
    step("csr install", "strongroom csr install www reply.pem"),
    typed("csr rm", "strongroom csr rm www", &[("[y/N]", "y\\n")]),
    step("csr rm", "strongroom csr rm www"),
    step("ls", "strongroom ls"),
    step("ls", "strongroom ls -l"),
    step("ls", "strongroom ls --sort expires --within 30d"),
    step("ls", "strongroom ls --name nothing.test"),
    step("ca ls", "strongroom ca ls"),
    step("ca ls", "strongroom ca ls --unused"),
    step("ca show", "strongroom ca show issuing"),
    step("show", "strongroom show www"),
    step("show", "strongroom show www --text"),
    step("show", "strongroom show www --served"),
    step("show", "strongroom show root --pem"),
    step("show", "strongroom show nobody"),
    step("find", "strongroom find example.test"),
    step("find", "strongroom find nowhere"),
    step("chain", "strongroom chain www"),
    step("chain", "strongroom chain test"),
    step("verify", "strongroom verify"),
    step("verify", "strongroom verify www"),
    step("verify", "strongroom verify www --name shop.example.test"),
    step("verify", "strongroom verify --leaf www.pem --anchor root.pem --intermediate issuing.pem"),
    step("check", "strongroom check"),
    step("check", "strongroom check www"),
    step("check", "strongroom check --format nagios"),
    step("check", "strongroom check --unlock none"),
    step("doctor", "strongroom doctor"),
    step("bind", "strongroom bind www.example.test www"),
    step("bind", "strongroom bind"),
    step("why", "strongroom why www.example.test"),
    step("why", "strongroom why a.tenant.test"),
    step("why", "strongroom why www.nowhere.test"),
    step("unbind", "strongroom unbind www.example.test"),
    step("unbind", "strongroom unbind www.example.test"),
    step("web-server", "strongroom web-server"),
    step("web-server", "strongroom web-server --alias www --hsts on"),
    step("status", "strongroom status"),
    step("status", "strongroom status --unlock none"),
    step("rename", "strongroom rename wild tenants"),
    step("history", "strongroom history www"),
    step("diff", "strongroom diff www@1 www"),
    step("diff", "strongroom diff www tenants"),
    step("undo", "strongroom undo www"),
    step("undo", "strongroom undo test"),
    typed("rm", "strongroom rm old", &[("[y/N]", "n\\n")]),
    typed("rm", "strongroom rm old", &[("[y/N]", "y\\n")]),
    step("rm", "strongroom rm nobody"),
    step("ls", "strongroom ls --removed"),
    step("ca rm", "strongroom ca rm root"),
    step("ca rm", "strongroom ca rm root --dry-run --force"),
    step("ca rm", "strongroom ca rm issuing --dry-run"),
    step("ca rm", "strongroom ca rm --unused --dry-run"),
    typed("ca rm", "strongroom ca rm spare-root", &[("[y/N]", "y\\n")]),
    step("export", "strongroom export www -o www.p12 --pass-out env:PASSWORD"),
    step("export", "strongroom export www -o www.p12 --pass-out env:PASSWORD"),
    step("export", "strongroom export www -o tls --layout certbot"),
    step("export", "strongroom export www -o tls --layout certbot --if-changed"),
    step(
        "export",
        "strongroom export www -o old.pfx --profile windows-2016 --pass-out env:PASSWORD --dry-run",
    ),
    step("ca export", "strongroom ca export -o trust.p12 --pass-out env:PASSWORD"),
    step("ca export", "strongroom ca export root --format pem -o -"),
    step("inspect", "strongroom inspect www.p12 --pass-in env:PASSWORD"),
    typed("inspect", "strongroom inspect www.p12", &[("file: ", "wrong\\n")]),
    step("slot add", "strongroom slot add passphrase:env:RESCUE --label rescue"),
    step("slot ls", "strongroom slot ls"),
    step("slot rm", "strongroom slot rm 1"),
    step("slot rm", "strongroom slot rm 0"),
    step("user add", "strongroom user add keeper --pass-in env:RESCUE"),
    step("user add", "strongroom user add renewal --privileges list,import --pass-in env:RESCUE"),
    step("user ls", "strongroom user ls"),
    step("user passwd", "strongroom user passwd keeper --pass-in env:RESCUE"),
    step("user privileges", "strongroom user privileges renewal list"),
    step("user revoke", "strongroom user revoke renewal"),
    typed("user rm", "strongroom user rm renewal", &[("[y/N]", "y\\n")]),
    step("backup", "strongroom backup monday.db"),
    step("backup", "strongroom backup monday.db"),
    step("restore", "strongroom restore --only www --replace --from monday.db --yes"),
    typed("restore", "strongroom restore monday.db", &[("[y/N]", "y\\n")]),
    step("verify-store", "strongroom verify-store"),
    step("log", "strongroom log --tail 6"),
    step("log", "strongroom log --alias www"),
    step("log", "strongroom log --verify"),
    step("log export", "strongroom log export -o log.jsonl"),
    step("log verify", "strongroom log verify log.jsonl --against-store"),
    step("log rotate", "strongroom log rotate --keep 10 -o cut.jsonl"),
    step("prune", "strongroom prune --keep 2 --dry-run"),
    step("prune", "strongroom prune --all --dry-run"),
    typed("prune", "strongroom prune www", &[("[y/N]", "y\\n")]),
    step("prune", "strongroom prune www"),
    step("rekey", "strongroom rekey"),
    step("passwd", "strongroom passwd --to file:moved.key"),
    step("serve", "strongroom serve --listen 127.0.0.1:0 --unlock file:missing.key"),
    typed("serve", "strongroom serve --listen 127.0.0.1:0 --unlock file:moved.key", &[("https://", CTRL_C)]),
    typed("watch", "strongroom watch --unlock file:moved.key", &[("www", CTRL_C)]),
    step("doctor", "strongroom doctor --unlock file:moved.key"),
    step("ls", "strongroom ls --no-such-option"),
    step("ls", "strongroom lst"),
];
