//! Of the store itself, the API, and this program.

use super::Examples;

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "web-server",
        &[
            ("strongroom web-server", "what is shown and offered, and what was shown before"),
            ("strongroom web-server --alias www", "show this entry; a server that runs does it at once"),
            ("strongroom web-server --protocols TLSv1.3 --hsts on", "no TLS 1.2, and HTTPS alone"),
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
    ("slot", &[("strongroom slot ls", "what opens the store")]),
];
