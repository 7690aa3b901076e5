use super::*;

/// Sixty bytes, so that there are two lines of base64.
const CONTENT: &[u8; 60] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX";

fn pem(label: &str) -> String {
    let config = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
    ::pem::encode_config(&::pem::Pem::new(label, CONTENT.as_slice()), config)
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// Number, line and label of each block; the content is that of [`pem`].
#[track_caller]
fn blocks(bytes: &[u8]) -> (Vec<(usize, usize, String)>, Vec<&'static str>) {
    let found = read(&Text::of(bytes)).map_err(|error| error.to_string()).unwrap();
    let told = found.blocks.iter().map(|block| {
        assert_eq!(block.content.as_slice(), CONTENT, "{}", block.number);
        (block.number, block.line, block.label.clone())
    });
    (told.collect(), found.oddities)
}

#[track_caller]
fn reads(text: impl AsRef<[u8]>, lines: &[usize], oddities: &[&str]) {
    let (found, odd) = blocks(text.as_ref());
    let expected: Vec<_> =
        lines.iter().enumerate().map(|(n, line)| (n + 1, *line, "CERTIFICATE".to_owned())).collect();
    assert_eq!((found, odd.as_slice()), (expected, oddities), "{}", String::from_utf8_lossy(text.as_ref()));
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, message: &str) {
    let error = read(&Text::of(text.as_ref())).err().expect("it is refused");
    assert_eq!(error.to_string(), message, "{}", String::from_utf8_lossy(text.as_ref()));
    assert_eq!(error.remedies().len(), 1);
}

#[test]
fn blocks_are_numbered_and_know_their_lines_whatever_the_line_ends() {
    let one = pem("CERTIFICATE");
    let two = format!("# first\n{one}subject=CN=x\n\n{one}");
    reads(&one, &[1], &[]);
    reads(&two, &[2, 8], &[]);
    reads(two.trim_end(), &[2, 8], &[]);
    reads(two.replace('\n', "\r\n"), &[2, 8], &[]);
    reads(two.replace('\n', "\r"), &[2, 8], &["lines that end in a carriage return alone"]);
    reads(two.replace("-----\n", "-----  \t\n"), &[2, 8], &[]);
    reads(two.replace("BEGIN CERTIFICATE", "BEGIN  CERTIFICATE "), &[2, 8], &[]);
    assert_eq!(blocks(b"no block").0, []);
}

#[test]
fn odd_forms_are_read_and_named() {
    let one = pem("CERTIFICATE");
    let two = format!("{one}{one}");
    reads(format!("\u{feff}{one}"), &[1], &["a byte order mark"]);
    // Files that have one each, joined.
    reads(format!("\u{feff}{one}\u{feff}{one}"), &[1, 5], &["a byte order mark"]);
    reads(one.replace('\n', "\n  "), &[1], &[]);
    reads(format!("  {}", one.replace('\n', "\n\t")), &[1], &["indented lines"]);
    reads(two.replace("-----\n-----", "----------"), &[1, 4], &["an END and a BEGIN on one line"]);
    reads(two.replace("-----\n-----", "----- -----"), &[1, 4], &["an END and a BEGIN on one line"]);
    reads(one.replace('\n', " "), &[1], &["a block on one line"]);
    reads(one.replace('\n', ""), &[1], &["a block on one line"]);
    let lower =
        one.replace("BEGIN CERTIFICATE", "begin certificate").replace("END CERTIFICATE", "End Certificate");
    reads(lower, &[1], &["labels in lower case"]);
    reads(format!("{one}\0\0\0"), &[1], &["zero bytes"]);
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        reads(utf16(&format!("\u{feff}{two}"), bytes), &[1, 5], &["text in UTF-16"]);
        reads(utf16(&two.replace('\n', "\r\n"), bytes), &[1, 5], &["text in UTF-16"]);
        reads(
            utf16(&format!("\u{feff}{one}\u{feff}Gültig für 域名\n{one}"), bytes),
            &[1, 6],
            &["text in UTF-16"],
        );
    }
    reads(one.replace("MDEy", "M D E\ty"), &[1], &[]);
}

#[test]
fn labels_and_headers_are_read() {
    let (found, _) = blocks(format!("{}{}", pem("X509 CERTIFICATE"), pem("PKCS #7 SIGNED DATA")).as_bytes());
    let labels: Vec<&str> = found.iter().map(|(_, _, label)| label.as_str()).collect();
    assert_eq!(labels, ["X509 CERTIFICATE", "PKCS #7 SIGNED DATA"]);
    let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n  00112233\n\n";
    for ends in ["\n", "\r\n", "\r"] {
        let key =
            pem("RSA PRIVATE KEY").replacen("-----\n", &format!("-----\n{headers}"), 1).replace('\n', ends);
        let found = read(&Text::of(key.as_bytes())).map_err(|error| error.to_string()).unwrap();
        assert!(found.blocks[0].encrypted && found.blocks[0].content.as_slice() == CONTENT);
        // The line of a fault is counted over the headers.
        let broken = key.replace("MDEy", "MD*y");
        let error = read(&Text::of(broken.as_bytes())).err().unwrap().to_string();
        assert!(error.ends_with("a character that is not base64, in line 6"), "{error}");
    }
    let mac = pem("X").replacen("-----\n", "-----\nContent-Domain: RFC822\n\n", 1);
    assert!(!read(&Text::of(mac.as_bytes())).map_err(|error| error.to_string()).unwrap().blocks[0].encrypted);
}

#[test]
fn what_cannot_be_read_is_named_with_block_and_line() {
    let one = pem("CERTIFICATE");
    let second = |broken: &str| format!("{one}{broken}");
    refused(
        second(&one.replace("MDEy", "M*Ey")),
        "block 2 (CERTIFICATE, line 5) cannot be read: a character that is not base64, in line 6",
    );
    refused(
        second(one.get(..90).unwrap()),
        "block 2 (CERTIFICATE, line 5) cannot be read: the file is cut off before the END of the block, in line 6",
    );
    refused(
        format!("{}{one}", one.get(..93).unwrap()),
        "block 1 (CERTIFICATE, line 1) cannot be read: another block begins before the END of this one, in line 3",
    );
    refused(
        one.replace("END CERT", "END X509 CERT"),
        "block 1 (CERTIFICATE, line 1) cannot be read: the END has another label than the BEGIN, in line 4",
    );
    refused(
        one.replace("-----END", "-----ENDE"),
        "block 1 (CERTIFICATE, line 1) cannot be read: the END of the block is misspelt, in line 4",
    );
    refused(
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "block 1 (CERTIFICATE, line 1) cannot be read: it is empty",
    );
    refused(
        one.replace("MDEy", "MDE"),
        "block 1 (CERTIFICATE, line 1) cannot be read: characters are missing at the end of the base64, in line 4",
    );
    refused(
        one.replacen("MDEy", "MA==", 1),
        "block 1 (CERTIFICATE, line 1) cannot be read: the base64 goes on after its end, in line 2",
    );
    refused(
        one.replace('\n', "\\n"),
        "block 1 (CERTIFICATE, line 1) cannot be read: \\n stands in place of line ends",
    );
    refused(
        one.replace("MDEy", "M\0Ey"),
        "block 1 (CERTIFICATE, line 1) cannot be read: a zero byte in the base64, in line 2",
    );
    refused(
        one.replace("MDEy", "M-Ey"),
        "block 1 (CERTIFICATE, line 1) cannot be read: a character of base64url, which PEM does not use, in line 2",
    );
    refused(one.get(28..).unwrap(), "line 3 cannot be read: an END without a BEGIN before it");
    let dashes = "it looks like the BEGIN or END of a block, but has not five hyphens on each side";
    for begin in ["----BEGIN", "--BEGIN", "\u{2014}\u{2014}-BEGIN", "\u{2013}--BEGIN", "- - - - - BEGIN"] {
        refused(one.replacen("-----BEGIN", begin, 1), &format!("line 1 cannot be read: {dashes}"));
    }
    refused(
        one.replacen("CERTIFICATE-----", "CERTIFICATE----", 1),
        "line 1 cannot be read: a marker that does not end in five hyphens",
    );
    refused(one.replacen("CERTIFICATE", "", 1), "line 1 cannot be read: a marker without a label");
    for begun in ["B", "BEG", "begin"] {
        refused(
            format!("{one}-----{begun}"),
            "line 5 cannot be read: the file is cut off in the BEGIN of a block",
        );
    }
    reads(format!("{one}-----\n-----"), &[1], &[]);
    // What was a block before its markers went.
    let bare = format!("MIIB{}", "A".repeat(60));
    refused(format!("{bare}\n{one}"), "line 1 cannot be read: base64 that stands in no block");
}

#[test]
fn text_of_two_encodings_is_refused() {
    let one = pem("CERTIFICATE");
    let mixed = "the text changes between UTF-8 and UTF-16, so that a part of it cannot be read";
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide = utf16(&format!("\u{feff}{one}"), bytes);
        refused([one.as_bytes(), wide.as_slice()].concat(), mixed);
        refused([wide.as_slice(), one.as_bytes()].concat(), mixed);
    }
    let (little, big) = (utf16(&one, u16::to_le_bytes), utf16(&one, u16::to_be_bytes));
    refused([little, big].concat(), mixed);
}

#[test]
fn comments_that_look_like_nothing_are_passed_over() {
    let text = "Bag Attributes\n    localKeyID: 54 69 6D\n---\n-- begin of the bundle\n 0 s:CN=x\n   i:CN=y\n\
                    SHA256 Fingerprint=AB:CD\nMIME-Version: 1.0\n";
    reads(format!("{text}{}", pem("CERTIFICATE")), &[9], &[]);
}

#[test]
fn too_many_blocks_are_refused() {
    let block = "-----BEGIN X-----\nAAAA\n-----END X-----\n";
    let count_of =
        |count: usize| read(&Text::of(block.repeat(count).as_bytes())).map(|read| read.blocks.len());
    assert_eq!(count_of(MAX_BLOCKS), Ok(MAX_BLOCKS));
    assert_eq!(count_of(MAX_BLOCKS + 1), Err(PemError::TooMany { limit: MAX_BLOCKS }));
}

#[test]
fn a_file_of_one_line_is_read_in_linear_time() {
    let block = format!("-----BEGIN X-----AAAA-----END X-----{}", " ".repeat(220));
    let text = format!("{}{}", " ".repeat(200_000), block.repeat(MAX_BLOCKS));
    let start = std::time::Instant::now();
    assert_eq!(read(&Text::of(text.as_bytes())).map(|found| found.blocks.len()), Ok(MAX_BLOCKS));
    // Milliseconds; looked at from the beginning for each block it would be minutes.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn base64_is_that_of_rfc_4648() {
    let decode = |text: &str| {
        let text = format!("-----BEGIN X-----\n{text}\n-----END X-----\n");
        read(&Text::of(text.as_bytes())).map(|read| read.blocks[0].content.to_vec())
    };
    for (text, bytes) in
        [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9v\nYmFy", "foobar")]
    {
        assert_eq!(decode(text).unwrap(), bytes.as_bytes());
    }
    for text in ["Zg", "Zg=", "Zm8", "Z", "Z===", "Zg===", "====", "Zh==", "Zm9="] {
        assert!(matches!(decode(text), Err(PemError::Block { number: 1, .. })), "{text}");
    }
}
