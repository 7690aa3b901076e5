use super::*;

fn report() -> ServerReport {
    ServerReport {
        pid: 7,
        host: "db1".to_owned(),
        program: "shop\nserved evil 1".to_owned(),
        started: instant("1").unwrap(),
        updated: instant("2").unwrap(),
        sequence: 3,
        names: 4,
        default: Some("www".parse().unwrap()),
        only_default: true,
        address: Some("[::1]:7443".parse().unwrap()),
        served: vec![ServedEntry::new("api".parse().unwrap(), 5, Fingerprint::from_bytes([0xab; 32]))],
        more: false,
        refused: vec![("bad".parse().unwrap(), "it was damaged".to_owned())],
        failure: Some("locked".to_owned()),
    }
}

#[test]
fn what_a_server_says_is_read_back() {
    let mut read = ServerReport::from_text(&report().to_text()).unwrap();
    // Nobody can write a line of his own into it.
    assert_eq!(read.program, "shop\\u{a}served evil 1");
    read.program = report().program;
    assert_eq!(read, report());
    assert!(read.may_serve(&"WWW".parse().unwrap()) && read.may_serve(&"api".parse().unwrap()));
    assert!(!read.may_serve(&"bad".parse().unwrap()));
    for half in [
        "",
        MAGIC,
        "strongroom-server 1\npid 7\n",
        "strongroom-server 1\npid 7\nend",
        "strongroom-server 1\npid x\nend 0\n",
        "strongroom-server 1\nupdated 2\nend 1\n",
        "other\nend 0\n",
    ] {
        assert_eq!(ServerReport::from_text(half), None, "{half:?}");
    }
    // A longer one stood there before.
    let over = format!("strongroom-server 1\npid 7\nend 0\n{}", report().to_text());
    assert_eq!(
        ServerReport::from_text(&over),
        Some(ServerReport { pid: 7, ..ServerReport::blank(instant("0").unwrap()) })
    );
}

#[cfg(unix)]
#[test]
fn a_server_is_seen_while_it_lives_and_no_longer() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let store = folder.path().join("keystore.db");
    assert_eq!(running_servers(&store), []);
    let mut file = ServerFile::create(&store, &report()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder_of(&store)), mode(&file.path)), (0o700, 0o600));
    assert_eq!(running_servers(&store).len(), 1);
    let long: Vec<_> = (0..200).map(|n| (format!("bad-{n}").parse().unwrap(), "x".repeat(40))).collect();
    file.write(&ServerReport { refused: long.clone(), ..report() }).unwrap();
    assert_eq!(running_servers(&store)[0].refused, long);
    file.write(&ServerReport { sequence: 9, ..report() }).unwrap();
    assert_eq!(running_servers(&store)[0].sequence, 9);
    assert_eq!(fs::metadata(&file.path).unwrap().len(), 4_096);
    // One that ended without a word leaves its file, and no lock.
    let stale = folder_of(&store).join("99-0");
    private_file::create(&stale, report().to_text().as_bytes()).unwrap();
    private_file::create(&folder_of(&store).join("notes"), b"mine").unwrap();
    assert_eq!(running_servers(&store).len(), 1);
    assert_eq!(stale_server_files(&store), std::slice::from_ref(&stale));
    fs::remove_file(folder_of(&store).join("notes")).unwrap();
    let second = ServerFile::create(&store, &report()).unwrap();
    assert!(!stale.exists());
    assert_eq!(running_servers(&store).len(), 2);
    drop((file, second));
    assert_eq!(running_servers(&store), []);
    assert!(files(&folder_of(&store)).is_empty());
}
