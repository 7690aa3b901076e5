//! The examples that `--help` shows; a test parses each.

/// A command, and examples of it with what they do.
pub(super) type Examples = (&'static str, &'static [(&'static str, &'static str)]);

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "strongroom",
        &[
            ("strongroom init", "make a store"),
            ("strongroom ca import root root-ca.pem", "trust a CA"),
            ("strongroom import www www.pfx --pass-in prompt", "import a server certificate with its key"),
            ("strongroom ls -l", "with issuer, fingerprint, version, and who stored it"),
            ("strongroom ls", "see what is there, and until when it is valid"),
        ],
    ),
    (
        "init",
        &[
            ("strongroom init", "a store, and a random key file beside it"),
            ("strongroom init --unlock prompt", "a store that a passphrase opens"),
            ("strongroom --store /mnt/share/keystore.db init --journal rollback", "on a network file system"),
        ],
    ),
    (
        "import",
        &[
            ("strongroom import www www.pfx --pass-in prompt", "ask for the password of the file"),
            ("strongroom import www fullchain.pem privkey.pem", "certificates and key in files of their own"),
            (
                "strongroom import www ca.zip www.key --key-pass-in prompt",
                "what a CA sent, and an encrypted key",
            ),
            ("strongroom import www store.jks --entry www --pass-in prompt", "one alias of a Java keystore"),
            ("strongroom import --all in --pass-in file:password.txt", "every .pfx of a folder, or none"),
            ("strongroom import --all store.jks --keep-going", "every sound entry of a Java keystore"),
            (
                "strongroom import www new.pfx --replace --pass-in file:password.txt",
                "renew; the former version is kept",
            ),
            (
                "strongroom import www www.pfx --with-embedded-ca --pass-in prompt",
                "see the CA certificates of the file, and import them as well",
            ),
            (
                "strongroom import www www.pfx --dry-run --pass-in env:PFX_PASSWORD",
                "see what would be stored",
            ),
        ],
    ),
    (
        "generate",
        &[
            ("strongroom generate test --name test.example.test", "a self-signed certificate for a year"),
            (
                "strongroom generate test --name a.test --name 10.0.0.1 --key rsa2048 --days 90",
                "for a name and an address, with an RSA key",
            ),
        ],
    ),
    (
        "csr",
        &[
            ("strongroom csr www --name www.example.test -o www.csr", "a new key, and a request for the CA"),
            ("strongroom csr www --like www -o www.csr", "to renew: the same names and subject, a new key"),
            ("strongroom csr install www reply.pem chain.pem", "what the CA sent"),
        ],
    ),
    (
        "csr install",
        &[
            ("strongroom csr install www reply.p7b", "the certificate, with its chain or without"),
            ("strongroom csr install www reply.pem --dry-run", "what would be stored"),
        ],
    ),
    ("csr ls", &[("strongroom csr ls", "which requests wait for their certificate")]),
    ("csr show", &[("strongroom csr show www -o www.csr", "the request again")]),
    ("csr rm", &[("strongroom csr rm www", "give it up, with its private key")]),
    (
        "export",
        &[
            ("strongroom export www -o www.p12 --pass-out prompt", "PKCS #12 with key and chain"),
            (
                "strongroom export www -o www.pfx --profile windows-2016 --pass-out file:password.txt",
                "for a program that reads no AES",
            ),
            ("strongroom export www -o /etc/nginx/tls --layout certbot", "four PEM files in a folder"),
            (
                "strongroom export www -o /etc/haproxy/www.pem --if-changed",
                "for a timer: exit 0 if it wrote, 9 if nothing changed",
            ),
            ("strongroom export www@2 -o former.pem", "an old version"),
            ("strongroom export www --from monday.db -o www.pem", "out of a backup"),
            (
                "strongroom export www -o www.pfx --pass-out prompt --dry-run",
                "what would be written, and which programs open it",
            ),
        ],
    ),
    (
        "ca export",
        &[
            ("strongroom ca export -o trust.p12 --pass-out prompt", "a trust store for Java"),
            ("strongroom ca export root issuing -o ca.pem", "some of them as a PEM bundle"),
        ],
    ),
    (
        "ca import",
        &[
            ("strongroom ca import root root-ca.pem", "one certificate, root or intermediate"),
            ("strongroom ca import issuing https-issuing.cer", "DER is read as well"),
            ("strongroom ca import --all bundle.pem chain.p7b", "every CA certificate of these files"),
            ("strongroom ca import --all --prefix corp- /etc/corp/ca", "and of a folder"),
        ],
    ),
    (
        "ca ls",
        &[
            ("strongroom ca ls", "the CA certificates"),
            ("strongroom --json ca ls", "the same for a program"),
            ("strongroom ca ls --unused", "those that no server certificate needs"),
        ],
    ),
    ("ca show", &[("strongroom ca show root", "everything about a CA certificate")]),
    (
        "ca rm",
        &[
            ("strongroom ca rm old-root --dry-run", "which entries would lose their chain"),
            ("strongroom ca rm old-root", "remove it; undo brings it back"),
        ],
    ),
    (
        "ls",
        &[
            ("strongroom ls", "all entries"),
            ("strongroom --json ls", "the same for a program"),
            ("strongroom ls -l", "with issuer, fingerprint, version, and who stored it"),
            ("strongroom ls --sort expires", "what ends first comes first"),
            ("strongroom ls --within 30d --issuer Example", "what ends soon, of one CA"),
            ("strongroom ls --name *.example.test", "what has a name below example.test"),
            ("strongroom ls --removed", "what was removed and can be brought back"),
        ],
    ),
    (
        "find",
        &[
            ("strongroom find www.example.test", "a name, and the wildcards that cover it"),
            ("strongroom find 03:7f:a2:11", "a serial number, or how a fingerprint begins"),
            ("strongroom find Example", "a part of an alias, a subject or an issuer"),
        ],
    ),
    (
        "show",
        &[
            ("strongroom show www", "everything about an entry but its key"),
            ("strongroom show www@1", "a former version of it"),
            ("strongroom show www --text", "every field of the certificate, with its extensions"),
            ("strongroom show www --pem", "its certificates, leaf first"),
            ("strongroom show www --served", "those that a server sends: without the root"),
        ],
    ),
    (
        "inspect",
        &[
            ("strongroom inspect www.pfx --pass-in prompt", "what is in a file, and which programs open it"),
            ("strongroom inspect chain.pem", "certificates"),
            ("strongroom inspect privkey.pem", "a private key: what it is, and its SHA-256"),
        ],
    ),
    (
        "verify",
        &[
            ("strongroom verify", "every server certificate; exit 7 if one is refused"),
            ("strongroom verify www --name www.example.test", "an entry, for a host"),
            (
                "strongroom verify --leaf www.pem --anchor root.pem --intermediate issuing.pem",
                "files, without a store",
            ),
            ("strongroom verify www --at 2027-01-01T00:00:00Z", "as it will be judged then"),
            ("strongroom verify www --connect www.example.test", "whether a server sends what the store has"),
            (
                "strongroom verify mail --connect mail.example.test --starttls smtp",
                "the same of a mail server",
            ),
        ],
    ),
    ("chain", &[("strongroom chain www", "from the leaf to the anchor, and what is missing")]),
    (
        "rm",
        &[
            ("strongroom rm www", "remove an entry; strongroom undo www brings it back"),
            (
                "strongroom rm old-root --force --yes",
                "a CA in spite of the entries under it, without a question",
            ),
        ],
    ),
    (
        "doctor",
        &[
            ("strongroom doctor", "what is wrong or will be, and the command that mends it"),
            ("strongroom doctor --fix", "mend what can be mended without losing anything"),
        ],
    ),
    (
        "bind",
        &[
            ("strongroom bind www.example.test www", "of several equal entries for the host, www answers"),
            ("strongroom bind", "what is bound to what"),
        ],
    ),
    (
        "web-server",
        &[
            ("strongroom web-server", "what is shown and offered, and what was shown before"),
            ("strongroom web-server --alias www", "show this entry; a server that runs does it at once"),
            ("strongroom web-server --protocols TLSv1.3 --hsts on", "no TLS 1.2, and HTTPS alone"),
        ],
    ),
    ("unbind", &[("strongroom unbind www.example.test", "the rule chooses again")]),
    (
        "why",
        &[
            ("strongroom why www.example.test", "which entry answers, and why the others do not"),
            (
                "strongroom why https://www.example.test/ --client rsa-only",
                "for a client that knows RSA alone",
            ),
            ("strongroom why --no-sni --default www", "for a client that sends no name"),
        ],
    ),
    (
        "status",
        &[
            ("strongroom status", "counts, the last change, and what each running server serves"),
            ("strongroom --json status", "the same for a program"),
            ("strongroom status --unlock none", "what servers and files say, without opening the store"),
        ],
    ),
    (
        "check",
        &[
            ("strongroom check", "what expires within 30 days, and what clients refuse already"),
            ("strongroom check www --within 14d", "one entry, and another time"),
            (
                "strongroom check --format openmetrics -o /var/lib/node_exporter/strongroom.prom",
                "for Prometheus, by a timer",
            ),
            ("strongroom check --format nagios -w 30d -c 7d", "for Nagios and Icinga"),
            ("strongroom check www --connect www.example.test", "and whether that server sends the entry"),
            (
                "strongroom check --unlock none --accept-unproved",
                "for a monitor without the key: what the file says, proved by nothing",
            ),
        ],
    ),
    (
        "watch",
        &[
            ("strongroom watch", "which entries are there, and each change from now on"),
            (
                "strongroom watch www -- /usr/local/bin/on-change",
                "run a program now, and whenever www changes; STRONGROOM_ALIAS and more say what did",
            ),
            (
                "strongroom watch --no-initial -- systemctl reload nginx",
                "for any server certificate, and nothing at the start",
            ),
            ("strongroom --json watch", "the same for a program: a line of JSON for each change"),
        ],
    ),
    ("rename", &[("strongroom rename www shop", "the same entry under another alias")]),
    ("history", &[("strongroom history www", "its versions, who stored them and when")]),
    (
        "diff",
        &[
            ("strongroom diff www@1 www", "what the last version changed"),
            ("strongroom diff www shop", "two entries"),
        ],
    ),
    (
        "undo",
        &[
            ("strongroom undo www", "back to what it was before its last change, or before it was removed"),
            ("strongroom undo www --to 2", "back to version 2"),
        ],
    ),
    (
        "prune",
        &[
            ("strongroom prune www", "delete its former versions, and removed entries of that alias"),
            ("strongroom prune --all --yes", "those of all entries, without a question"),
            (
                "strongroom prune --keep 3 --older-than 90d --dry-run",
                "which versions go that are neither among the last three of their entry nor younger",
            ),
            ("strongroom prune --keep 3 --older-than 90d -y", "delete them, as a timer does"),
        ],
    ),
    (
        "log",
        &[
            ("strongroom log", "what was done and refused"),
            ("strongroom log --tail 20", "the last 20 rows"),
            (
                "strongroom log --since 24h --alias www --follow",
                "one entry since yesterday, and as it goes on",
            ),
            ("strongroom log --verify", "whether all of it is there"),
        ],
    ),
    (
        "log export",
        &[(
            "strongroom log export -o log.jsonl",
            "all rows, with the hashes that chain them; the store stays as it is",
        )],
    ),
    (
        "log rotate",
        &[
            (
                "strongroom log rotate --keep-since 90d -o /safe/log-2026-11.jsonl",
                "leave the last 90 days in the store, and the rows before in a file",
            ),
            ("strongroom log rotate --keep 1000 -o /safe/log.jsonl", "leave the last thousand rows"),
        ],
    ),
    (
        "log verify",
        &[
            ("strongroom log verify /safe/log.jsonl", "whether a file is whole, without the store"),
            (
                "strongroom log verify /safe/log.jsonl --against-store",
                "and whether its rows are those of the store's log",
            ),
        ],
    ),
    ("backup", &[("strongroom backup /backup/keystore-monday.db", "a copy, while the store is used")]),
    (
        "restore",
        &[
            ("strongroom restore /backup/keystore-monday.db", "bring back what a backup holds"),
            (
                "strongroom restore --only www --from /backup/keystore-monday.db",
                "one entry of it, in place of a damaged one",
            ),
            (
                "strongroom restore old.db --backup-unlock file:/safe/old.key",
                "from before what opens the store was changed",
            ),
        ],
    ),
    ("verify-store", &[("strongroom verify-store", "check every row, and open every key")]),
    (
        "passwd",
        &[
            ("strongroom passwd", "a new passphrase"),
            ("strongroom passwd --to file:new.key", "a key file in its place"),
        ],
    ),
    (
        "rekey",
        &[
            ("strongroom rekey", "a new root key; former versions and removed entries stay"),
            ("strongroom rekey --prune --yes", "the same without them"),
            (
                "strongroom rekey --unlock file:keystore.key --unlock passphrase:file:rescue.txt",
                "keep the slots that these open",
            ),
            ("strongroom rekey --drop-slot 1", "let nothing open slot 1 any more"),
        ],
    ),
    (
        "slot add",
        &[
            ("strongroom slot add prompt", "a passphrase opens the store as well"),
            ("strongroom slot add cred:strongroom", "a systemd credential does"),
            (
                "strongroom slot add file:/media/stick/rescue.key --label rescue",
                "a key file, made for it, does",
            ),
        ],
    ),
    ("slot rm", &[("strongroom slot rm 1", "what is in slot 1 no longer opens the store")]),
    ("slot ls", &[("strongroom slot ls", "what opens the store")]),
    (
        "user add",
        &[
            ("strongroom user add siteadmin", "ask for the new password"),
            ("strongroom user add siteadmin --pass-in file:password.txt", "take it from a file"),
            (
                "strongroom user add renewal --privileges list,import --pass-in file:password.txt",
                "a script that renews certificates, and may do nothing else",
            ),
        ],
    ),
    ("user passwd", &[("strongroom user passwd siteadmin", "ask for another password; all tokens end")]),
    (
        "user privileges",
        &[
            ("strongroom user privileges siteadmin list,audit", "may look, and change nothing"),
            ("strongroom user privileges siteadmin all", "may do everything"),
        ],
    ),
    ("user revoke", &[("strongroom user revoke siteadmin", "end all tokens; the password stays")]),
    ("user rm", &[("strongroom user rm siteadmin", "who may not use the API any more")]),
    ("user ls", &[("strongroom user ls", "who may use the API, what for, and who signed in last")]),
    (
        "serve",
        &[
            ("strongroom serve", "the API on 127.0.0.1:7443"),
            ("strongroom serve --listen 0.0.0.0:7443 --machine gis.example.test", "for other machines"),
            ("strongroom serve --alias www", "with the certificate of an entry, renewed with it"),
            (
                "strongroom serve --access-log /var/log/strongroom/access.log --trusted-proxy 10.0.0.5",
                "behind a proxy, with a line of JSON for each request",
            ),
            ("strongroom serve --machines machines.toml", "several machines, each with a store of its own"),
        ],
    ),
    (
        "help",
        &[
            ("strongroom help import", "a command"),
            ("strongroom help passwords", "where passwords come from"),
            ("strongroom help exit-codes", "what the exit codes say"),
        ],
    ),
    ("config", &[("strongroom config", "which store and key hold here, and why")]),
    (
        "completions",
        &[
            ("strongroom completions bash", "to be sourced, or written to the folder of completions"),
            ("strongroom completions zsh --static", "one that does not look for aliases in the store"),
        ],
    ),
    (
        "man",
        &[
            ("strongroom man", "the manual page"),
            ("strongroom man --dir /usr/local/share/man/man1", "a page for each command"),
        ],
    ),
    (
        "schema",
        &[
            ("strongroom schema ca ls", "what strongroom --json ca ls may print"),
            ("strongroom schema", "the same of every command, in one schema"),
        ],
    ),
    ("ca", &[("strongroom ca import root root-ca.pem", "trust a CA")]),
    ("slot", &[("strongroom slot ls", "what opens the store")]),
];
