use super::*;

fn entry(alias: &str, names: &[&str]) -> Arc<Entry> {
    Arc::new(Entry::new(alias, names.iter().map(|name| NameKey::of(name)).collect()))
}

fn aliases(root: &Root, name: &str) -> Vec<String> {
    root.named(NameKey::of(name)).iter().map(|entry| entry.alias.to_string()).collect()
}

#[test]
fn a_change_makes_another_snapshot_and_leaves_the_former_as_it_was() {
    let first = Root::empty().after([
        Edit::Put(entry("www", &["www.example.com", "example.com"])),
        Edit::Put(entry("api", &["api.example.com", "example.com"])),
    ]);
    assert_eq!(aliases(&first, "EXAMPLE.com"), ["api", "www"]);
    let second = first.after([Edit::Put(entry("www", &["www.example.com"])), Edit::Remove("api".to_owned())]);
    assert_eq!(aliases(&second, "www.example.com"), ["www"]);
    assert_eq!(aliases(&second, "example.com"), [""; 0]);
    assert_eq!((second.names(), first.names()), (1, 4));
    assert_eq!(aliases(&first, "example.com"), ["api", "www"]);
    assert!(second.entry("api").is_none() && first.entry("api").is_some());
    // What is not there is removed without harm.
    assert_eq!(second.after([Edit::Remove("api".to_owned())]).names(), 1);
}

#[test]
fn a_snapshot_made_by_changes_is_the_one_that_is_gathered_at_once() {
    let names = |n: usize| [format!("host{n}.example.com"), format!("shared{}.example.com", n % 7)];
    let mut grown = Root::empty();
    let mut gathered = Gathered::default();
    gathered.begin();
    for n in 0..3_000 {
        let alias = format!("a{n}");
        let names = names(n);
        let of: Vec<&str> = names.iter().map(String::as_str).collect();
        grown = grown.after([Edit::Put(entry(&alias, &of))]);
        names.iter().for_each(|name| gathered.name(&NameDigest::of(name), &alias));
    }
    let gathered = gathered.into_root(|_, _| None);
    assert_eq!((grown.names(), gathered.names()), (6_000, 6_000));
    let leaves = |root: &Root| root.names.differs(&root.names).1;
    assert!(leaves(&grown) > 8 && leaves(&gathered) > 8);
    for n in 0..3_000 {
        for name in names(n) {
            assert_eq!(aliases(&grown, &name), aliases(&gathered, &name), "{name}");
        }
        assert_eq!(gathered.entry(&format!("a{n}")).unwrap().names.len(), 2);
    }
    assert_eq!(grown.entries().count(), 3_000);
}

/// What a million aliases of one name take: `cargo test --release -p strongroom-rustls -- --nocapture million`.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::disallowed_methods, reason = "how it knows that it is the other process")]
fn a_million_aliases_fit_into_250_megabytes() {
    const ALONE: &str = "STRONGROOM_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return a_million_aliases();
    }
    // Beside other tests it would count their memory: once more, in a process of its own.
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "snapshot::tests::a_million_aliases_fit_into_250_megabytes", "--nocapture"]);
    let output = alone.env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("gathered"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.lines().filter(|line| line.contains("gathered")).for_each(|line| println!("{line}"));
}

#[cfg(target_os = "linux")]
fn a_million_aliases() {
    let resident = || -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
    };
    let before = resident();
    let mut gathered = Gathered::default();
    for n in 0..1_000_000 {
        let alias = format!("entry-{n:07}");
        gathered.name(&NameDigest::of(&format!("host-{n}.fleet.example.com")), &alias);
    }
    let peak = resident();
    let begun = std::time::Instant::now();
    let root = gathered.into_root(|_, _| None);
    let built = begun.elapsed();
    let after = resident();
    println!(
        "gathered {} MB, snapshot {} MB, made in {built:.0?}",
        (peak - before) >> 20,
        (after - before) >> 20
    );
    assert_eq!(root.names(), 1_000_000);
    assert!(after - before < 250 << 20, "{}", after - before);
}

#[test]
fn a_change_of_one_entry_copies_no_more_than_its_leaves() {
    let mut gathered = Gathered::default();
    for n in 0..100_000 {
        gathered.name(&NameDigest::of(&format!("host{n}.example.com")), &format!("a{n}"));
    }
    let root = gathered.into_root(|_, _| None);
    let next = root.after([Edit::Put(entry("a7", &["host7.example.com", "new.example.com"]))]);
    let (copied, leaves) = root.names.differs(&next.names);
    assert!((1..=2).contains(&copied), "{copied} of {leaves}");
    assert_eq!(root.aliases.table.differs(&next.aliases.table), 1);
    let largest = root.names.largest();
    assert!(largest < 200, "{largest} of {leaves}");
}

#[test]
fn names_are_found_whatever_was_put_and_removed_before() {
    // A plain map beside, over random edits.
    let mut root = Root::empty();
    let mut plain: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut random = 12_345_usize;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let host = |n: usize| format!("host{n}.example.com");
    for _ in 0..400 {
        let edits: Vec<Edit> = (0..next(12))
            .map(|_| {
                let alias = next(300);
                if next(3) == 0 {
                    plain.remove(&alias);
                    return Edit::Remove(format!("a{alias:03}"));
                }
                let names: Vec<usize> = (0..next(6)).map(|_| next(900)).collect();
                plain.insert(alias, names.clone());
                let names = names.iter().map(|name| NameKey::of(&host(*name))).collect();
                Edit::Put(Arc::new(Entry::new(format!("a{alias:03}"), names)))
            })
            .collect();
        root = root.after(edits);
    }
    let mut count = 0;
    for name in 0..900 {
        let wanted: Vec<String> = plain
            .iter()
            .filter(|(_, names)| names.contains(&name))
            .map(|(n, _)| format!("a{n:03}"))
            .collect();
        count += wanted.len();
        assert_eq!(aliases(&root, &host(name)), wanted, "{name}");
    }
    assert_eq!((root.names(), root.entries().count()), (count, plain.len()));
}
