//! Of a new store, and of files: what comes in, and what goes out.

use super::Examples;

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "strongroom",
        &[
            ("strongroom init", "make a store"),
            ("strongroom ca import root root-ca.pem", "trust a CA"),
            ("strongroom import www www.pfx --pass-in prompt", "import a server certificate with its key"),
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
            ("strongroom ca rm --unused --dry-run", "which chain certificates nobody needs any more"),
        ],
    ),
    (
        "inspect",
        &[
            ("strongroom inspect www.pfx --pass-in prompt", "what is in a file, and which programs open it"),
            ("strongroom inspect chain.pem", "certificates"),
            ("strongroom inspect privkey.pem", "a private key: its kind, and whether it is encrypted"),
            (
                "strongroom inspect www.pem chain.pem privkey.pem",
                "several files, and what belongs together: exit 7 if the key belongs to none of the certificates",
            ),
        ],
    ),
    ("ca", &[("strongroom ca import root root-ca.pem", "trust a CA")]),
];
