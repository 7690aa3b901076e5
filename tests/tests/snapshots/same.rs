//! What is another each time, replaced by what is always the same, of the same length where it stands in a table.

use std::path::Path;

/// The shortest run of hexadecimal digits that counts as a digest, or a part of one.
const SHORTEST: usize = 12;

/// Replaces what varies in the outputs of one command; the same digest is the same letters in all of them.
pub(crate) struct Replacer {
    home: String,
    machine: String,
    digests: Vec<String>,
}

impl Replacer {
    pub(crate) fn new(home: &Path) -> Self {
        let machine = nix::sys::utsname::uname().unwrap().nodename().to_string_lossy().into_owned();
        Self { home: home.display().to_string(), machine, digests: Vec::new() }
    }

    pub(crate) fn replace(&mut self, text: &str) -> String {
        let text = text.replace(&self.home, "/tmp/keeper-folder");
        let text = text.replace(&format!(" on {})", self.machine), " on machine)");
        let text = numbers_after(&text, "process ", "N");
        let text = numbers_after(&text, "127.0.0.1:", "PORT");
        let text = numbers_after(&text, "keystore.db.servers/", "N");
        let text = sizes(&text);
        let text = without_base64(&text);
        self.without_digests(&text)
    }

    /// Each digest, with or without colons, as a letter; the beginning of one that was seen is the same letter.
    fn without_digests(&mut self, text: &str) -> String {
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == ':';
        let (mut found, mut run) = (String::new(), String::new());
        for c in text.chars().chain(std::iter::once('\n')) {
            if is_digit(c) {
                run.push(c);
                continue;
            }
            found.push_str(&self.digest(&run));
            run.clear();
            found.push(c);
        }
        found.pop();
        found
    }

    fn digest(&mut self, run: &str) -> String {
        let digits: String = run.chars().filter(|c| *c != ':').collect();
        let is_time =
            digits.len() < SHORTEST || digits.chars().all(|c| c.is_ascii_digit()) && digits.len() < 30;
        if is_time {
            return run.to_owned();
        }
        let known = self
            .digests
            .iter()
            .position(|known| known.starts_with(&digits) || digits.starts_with(known.as_str()));
        let index = known.unwrap_or_else(|| {
            self.digests.push(digits);
            self.digests.len() - 1
        });
        let letter = char::from(b'a' + u8::try_from(index % 26).unwrap());
        run.chars().map(|c| if c == ':' { c } else { letter }).collect()
    }
}

/// The numbers behind a word.
fn numbers_after(text: &str, word: &str, stands: &str) -> String {
    let mut parts = text.split(word);
    let mut done = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        done.push_str(word);
        done.push_str(if rest.len() < part.len() { stands } else { "" });
        done.push_str(rest);
    }
    done
}

/// How large files are.
fn sizes(text: &str) -> String {
    let Some((all, last)) = text.rsplit_once(" bytes") else { return text.to_owned() };
    let mut done = String::new();
    for part in all.split(" bytes") {
        done.push_str(part.trim_end_matches(|c: char| c.is_ascii_digit()));
        done.push_str("N bytes");
    }
    done + last
}

/// What is between the lines of PEM.
fn without_base64(text: &str) -> String {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        inside &= !line.starts_with("-----END");
        if !inside {
            lines.push(line);
        }
        if line.starts_with("-----BEGIN") {
            inside = true;
            lines.push("(base64)");
        }
    }
    lines.join("\n")
}
