use super::*;

#[test]
fn sources_are_written_as_they_are_read() {
    for text in ["file:/run/secrets/key", "file:", "env:KEY", "cred:keystore", "prompt"] {
        assert_eq!(text.parse::<UnlockSource>().unwrap().to_string(), text);
    }
    for text in ["", "hunter2", "env:", "cred:", "cred:../x", "cred:.x", "pass:hunter2", "prompt:"] {
        let refused = text.parse::<UnlockSource>().unwrap_err();
        assert_eq!(refused.to_string(), "expected file:PATH, env:VAR, cred:NAME or prompt", "{text}");
    }
}

#[test]
fn a_credential_may_be_a_whole_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = UnlockKey::generate_bound().unwrap();
    key.create_file(&folder.path().join("whole")).unwrap();
    let text = std::fs::read_to_string(folder.path().join("whole")).unwrap();
    std::fs::write(folder.path().join("cut"), text.get(..80).unwrap()).unwrap();
    std::fs::write(folder.path().join("long"), [b'x'; 5000]).unwrap();
    let environment = |name: &str| (name == CREDENTIALS).then(|| folder.path().as_os_str().to_owned());
    let read = |name: &str| UnlockSource::Credential(name.to_owned()).read(Path::new("x"), &environment);
    let Ok(Some(OwnedUnlock::Key(found))) = read("whole") else { panic!("a key file is a key") };
    assert_eq!((found.expose(), found.store()), (key.expose(), key.store()));
    assert!(matches!(read("cut"), Err(UnlockError::Damaged { .. })));
    assert!(matches!(read("long"), Err(UnlockError::TooLong { limit: 4096, .. })));
    assert!(matches!(read("../whole"), Err(UnlockError::NotACredential)));
    let missing = read("none").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "cannot read the credential none: No such file or directory (os error 2)"
    );
    assert!(std::error::Error::source(&missing).is_some());
    let bare = |_: &str| None;
    let refused = UnlockSource::Credential("whole".to_owned()).read(Path::new("x"), &bare).unwrap_err();
    assert_eq!(refused.to_string(), "CREDENTIALS_DIRECTORY is not set: this is not a systemd service");
}
