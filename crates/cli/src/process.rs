//! What the process is allowed: no core files, no debugger of the same user, no files for others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

/// The mode that the caller keeps new files from having, which programs that this one runs get back.
static CALLERS_UMASK: AtomicU32 = AtomicU32::new(0o022);

/// Set once, before anything is read. What a system refuses is left as it is.
#[cfg(unix)]
pub(crate) fn harden() {
    use rustix::process::{Resource, Rlimit, setrlimit, umask};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let callers = umask(rustix::fs::Mode::from_raw_mode(0o077));
    CALLERS_UMASK.store(callers.as_raw_mode(), Ordering::Relaxed);
    // A file that reaches a size limit must be an error that SQLite sees, not the end of the process.
    let seen = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
}

#[cfg(not(unix))]
pub(crate) fn harden() {}

/// The umask that this process was called with.
pub(crate) fn callers_umask() -> u32 {
    CALLERS_UMASK.load(Ordering::Relaxed)
}

/// Takes as many descriptors as the system allows without being asked, and says how many those are.
#[cfg(unix)]
pub(crate) fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = getrlimit(Resource::Nofile).current;
    now.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(crate) fn raise_descriptor_limit() -> usize {
    usize::MAX
}
