//! What is run, when, and with what.

use super::*;

fn files(shop: &Shop, name: &str) -> String {
    std::fs::read_to_string(shop.folder.path().join(name)).unwrap_or_default()
}

#[test]
fn a_run_finds_in_its_environment_what_changed_and_no_text_of_it_in_its_command() {
    let shop = shop();
    let program = r#"echo "$STRONGROOM_ALIAS $STRONGROOM_EVENT $STRONGROOM_VERSION $STRONGROOM_ATTEMPT ${STRONGROOM_FORMER_ALIAS-none} ${STRONGROOM_NEW_ALIAS-none}" "$0" "$@"; echo "$STRONGROOM_STORE $STRONGROOM_NOT_AFTER $STRONGROOM_SHA256 ${NOTIFY_SOCKET-none} $(umask)""#;
    let start = |arguments: &[&str]| {
        let fast = ["watch", "--on-removal", "--debounce", "50ms"];
        Watch::start_with(&shop, fast.iter().chain(arguments).copied(), |command| {
            command.env("STRONGROOM_FORMER_ALIAS", "inherited").env("NOTIFY_SOCKET", "/nowhere");
        })
    };
    let sha256 = fine(&shop.json(["show", "www"]))["sha256"].as_str().unwrap().to_owned();
    let expected = format!("{} 2036-01-01T00:00:00Z {sha256} none 0022", shop.store().display());
    let watch = start(&["--", "sh", "-c", program, "zero", "$(touch /tmp/no)", "a b"]);
    assert_eq!(watch.says("www"), "www present 1 1 none none zero $(touch /tmp/no) a b");
    assert_eq!(watch.says("2036"), expected);
    fine(&shop.json(["rename", "www", "shop"]));
    let mut told = [watch.says(" zero "), watch.says(" zero ")];
    told.sort();
    assert!(told[0].starts_with("shop added 1 1 www none"), "{told:?}");
    assert!(told[1].starts_with("www removed 1 1 none shop"), "{told:?}");
    drop(watch);

    let watch = start(&["--exec", program]);
    assert!(watch.says("shop").starts_with("shop present 1 1 none none /bin/sh"));
    // Its words go to standard error, and the output of the command where output goes.
    assert_eq!(watch.tells("shop is there").split(':').next(), Some("shop is there"));
    assert!(watch.tells("run for shop").starts_with("run for shop in 0."));
}

#[test]
fn with_json_the_output_of_the_command_goes_to_standard_error() {
    let shop = shop();
    let watch = Watch::start(&shop, ["--json", "watch", "--exec", "echo for people; exit 3"]);
    watch.tells("for people");
    assert_eq!(watch.event().0, "present");
    let (event, run) = watch.event();
    assert_eq!(event, "run_failed");
    assert_eq!(
        (&run["exit_code"], &run["attempt"], &run["retry_in_seconds"]),
        (&3.into(), &1.into(), &2.into())
    );
    assert_eq!(run["message"], "the command exited with 3");
    assert_eq!(watch.event().1["attempt"], 2);
}

#[test]
fn a_run_that_fails_is_tried_again_until_it_succeeds() {
    let shop = shop();
    let line = "test -e \"$MARK\" || { touch \"$MARK\"; exit 1; }";
    let mark = shop.folder.path().join("mark");
    let watch = Watch::start_with(&shop, ["watch", "--exec", line], |command| {
        command.env("MARK", &mark);
    });
    assert_eq!(watch.tells("exited"), "www: the command exited with 1; again in 2 s");
    let done = watch.tells("run for www");
    assert!(done.ends_with(", at attempt 2"), "{done}");
    assert_eq!(watch.ends(LONG), ["stopped"]);

    let gone = Watch::start(&shop, ["watch", "--", "/no/such/program"]);
    assert_eq!(gone.tells("exited"), "www: the command exited with 127; again in 2 s");
    let killed = Watch::start(&shop, ["watch", "--exec", "kill -9 $$"]);
    assert_eq!(killed.tells("again in"), "www: the command was ended by signal 9; again in 2 s");
    fine(&shop.json(["rm", "www"]));
    killed.tells("www was removed");
    assert_eq!(killed.ends(LONG), ["stopped"], "nothing is left to be run for");
}

#[test]
fn nothing_to_write_is_no_failure_but_is_said_where_a_run_failed_before() {
    let shop = shop();
    let target = shop.folder.path().join("tls");
    // The reload behind it fails once, and is not reached again.
    let line = format!(
        "\"$PROGRAM\" export \"$STRONGROOM_ALIAS\" -o {} --layout certbot --if-changed && exit 1",
        target.display()
    );
    let watch = Watch::start_with(&shop, ["--json", "watch", "--exec", &line], |command| {
        command.env("PROGRAM", strongroom_tests::command::binary());
    });
    assert_eq!(watch.event().0, "present");
    assert_eq!(watch.event().0, "run_failed");
    let (event, told) = watch.event();
    assert_eq!((event.as_str(), &told["exit_code"]), ("run_unchanged", &9.into()));
    assert!(told["message"].as_str().unwrap().contains("after an attempt that failed"), "{told}");
    drop(watch);
    let watch = Watch::start_with(&shop, ["watch", "--exec", &line], |command| {
        command.env("PROGRAM", strongroom_tests::command::binary());
    });
    assert_eq!(watch.tells("run for"), "run for www: nothing to do (exit code 9)");
}

#[test]
fn runs_of_one_entry_never_overlap_and_a_change_during_one_leads_to_another() {
    let shop = shop();
    let log = shop.folder.path().join("runs");
    let line = "echo begin >>\"$LOG\"; sleep 1; echo \"end $STRONGROOM_VERSION\" >>\"$LOG\"";
    let fast = ["watch", "--debounce", "10ms", "--exec", line];
    let watch = Watch::start_with(&shop, fast, |command| {
        command.env("LOG", &log);
    });
    watch.tells("www is there");
    // Three changes while the first run sleeps.
    fine(&shop.json(OTHER));
    fine(&shop.json(["undo", "www"]));
    fine(&shop.json(["undo", "www"]));
    watch.tells("run for www");
    watch.tells("run for www");
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let runs = files(&shop, "runs");
        assert!(
            runs.lines().zip(["begin", "end"].iter().cycle()).all(|(line, word)| line.starts_with(word)),
            "{runs}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let runs = files(&shop, "runs");
    assert_eq!(runs.lines().last(), Some("end 4"), "{runs}");
    assert!(runs.matches("begin").count() <= 3, "changes in a row are one run: {runs}");
    assert_eq!(watch.ends(LONG), ["stopped"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_takes_too_long_is_ended_with_all_that_it_started() {
    let shop = shop();
    let pid = shop.folder.path().join("pid");
    let line = "sleep 1000 & echo $! >\"$PID\"; wait";
    let watch = Watch::start_with(&shop, ["watch", "--timeout", "1s", "--exec", line], |command| {
        command.env("PID", &pid);
    });
    assert_eq!(watch.tells("ended after"), "www: the command was ended after 1 s; again in 2 s");
    let number = files(&shop, "pid");
    let runs_on = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", number.trim())).unwrap_or_default();
        !(status.is_empty() || status.contains("State:\tZ"))
    };
    let until = Instant::now() + Duration::from_secs(5);
    while runs_on() {
        assert!(Instant::now() < until, "the sleep runs on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_end_waits_for_the_command_for_a_while_and_no_longer() {
    let shop = shop();
    let log = shop.folder.path().join("done");
    let slow = |line: &str| {
        let watch = Watch::start_with(&shop, ["watch", "--exec", line], |command| {
            command.env("LOG", &log);
        });
        watch.says("begun");
        watch
    };
    let told = slow("echo begun; sleep 2; echo done >\"$LOG\"").ends(Duration::from_secs(9));
    assert_eq!(files(&shop, "done"), "done\n");
    assert_eq!(
        told.iter().filter(|line| line.starts_with("waiting up to 10 s for the run for www")).count(),
        1
    );
    assert!(told.iter().any(|line| line.starts_with("run for www")), "{told:?}");
    // A second signal is for who does not want to wait.
    let watch = slow("echo begun; sleep 1000");
    watch.signal("-INT");
    watch.tells("waiting up to");
    let told = watch.ends(Duration::from_secs(9));
    assert!(told.iter().any(|line| line == "not run for the last change of www"), "{told:?}");
    // One that does not hear is ended.
    let told = slow("trap '' TERM; echo begun; while :; do sleep 1; done").ends(Duration::from_secs(25));
    assert!(told.iter().any(|line| line.contains("www: the command was ended after 15 s")), "{told:?}");
}
