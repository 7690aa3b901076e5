//! What is asked of a store, as its log names it.

/// What was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Init,
    Import,
    ImportMany,
    CaImport,
    CaImportAll,
    Generate,
    Csr,
    CsrInstall,
    CsrRemove,
    Export,
    CaExport,
    Remove,
    Undo,
    Rename,
    Bind,
    BindHost,
    UnbindHost,
    Prune,
    SlotAdd,
    SlotRemove,
    ChangeUnlock,
    Rekey,
    UserAdd,
    UserRemove,
    UserPassword,
    UserPrivileges,
    UserRevoke,
    SignIn,
    Refusals,
    Backup,
    Restore,
    AcceptRollback,
    WebServer,
    LogRotate,
}

impl Action {
    /// Those that change no entry.
    pub(super) const OF_NO_ENTRY: [Self; 25] = [
        Self::Init,
        // Each entry has a row of its own.
        Self::ImportMany,
        Self::CaImportAll,
        // Nobody serves what has no certificate yet.
        Self::Csr,
        Self::CsrRemove,
        // Files for other programs.
        Self::Export,
        Self::CaExport,
        // The bindings say so themselves.
        Self::BindHost,
        Self::UnbindHost,
        Self::Prune,
        Self::SlotAdd,
        Self::SlotRemove,
        Self::ChangeUnlock,
        Self::Rekey,
        Self::UserAdd,
        Self::UserRemove,
        Self::UserPassword,
        Self::UserPrivileges,
        Self::UserRevoke,
        Self::SignIn,
        Self::Refusals,
        Self::Backup,
        Self::AcceptRollback,
        Self::LogRotate,
        // The record says so itself.
        Self::WebServer,
    ];

    /// The word that the log shows.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Import => "import",
            Self::ImportMany => "import-many",
            Self::CaImport => "ca-import",
            Self::CaImportAll => "ca-import-all",
            Self::Generate => "generate",
            Self::Csr => "csr",
            Self::CsrInstall => "csr-install",
            Self::CsrRemove => "csr-rm",
            Self::Export => "export",
            Self::CaExport => "ca-export",
            Self::Remove => "rm",
            Self::Undo => "undo",
            Self::Rename => "rename",
            Self::Bind => "bind",
            Self::BindHost => "bind-host",
            Self::UnbindHost => "unbind-host",
            Self::Prune => "prune",
            Self::SlotAdd => "slot-add",
            Self::SlotRemove => "slot-rm",
            Self::ChangeUnlock => "passwd",
            Self::Rekey => "rekey",
            Self::UserAdd => "user-add",
            Self::UserRemove => "user-rm",
            Self::UserPassword => "user-passwd",
            Self::UserPrivileges => "user-privileges",
            Self::UserRevoke => "user-revoke",
            Self::SignIn => "sign-in",
            Self::Refusals => "refusals",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::AcceptRollback => "accept-rollback",
            Self::WebServer => "web-server",
            Self::LogRotate => "log-rotate",
        }
    }
}
