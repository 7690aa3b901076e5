//! What mends what the store refused or failed at.

use super::StoreError;
use crate::{remedy::Remedy, store::uncertain_commit::CommitOutcome};

impl StoreError {
    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::Missing { path } => Remedy::MakeStore { path: Some(path.clone()) },
            Self::File(error) => return error.remedies(),
            Self::Exists { .. } => Remedy::GiveStorePath,
            Self::Seal(error) => return error.remedies(),
            Self::FromPreview => Remedy::Advice(
                "make a new store and import the files again; nothing of a preview's format was released",
            ),
            Self::Network { .. } => Remedy::MakeStoreForNetwork,
            Self::Replaced { .. } => Remedy::Advice(
                "open the store again and look whether the change is there; do not move the file of a store that is in use",
            ),
            Self::RolledBack { .. } | Self::Forked { .. } | Self::ForeignGuard { .. } => {
                Remedy::AcceptRollback
            }
            Self::LogRotated { row, guarded: true, .. } => Remedy::GiveLogSegment { row: *row },
            Self::LogRotated { .. } => {
                Remedy::Advice("open the store again: restart the program that has it open")
            }
            Self::LogCutMeanwhile => {
                Remedy::Advice("nothing was cut here; do it again if it is still wanted")
            }
            Self::LogSegment { .. } => {
                Remedy::Advice("give a file that was written of the log of this store, as it was written")
            }
            Self::FileExists { .. } => Remedy::Advice("give the path of a file that is not there yet"),
            Self::Guarded => return vec![Remedy::GiveRollbackGuard, Remedy::WithoutGuard],
            Self::OtherStore => Remedy::OtherStore,
            Self::GuardMissing { .. } => Remedy::MakeRollbackGuard,
            Self::NotAGuard { .. } => Remedy::GiveRollbackGuard,
            Self::BadBackup { .. } => Remedy::Advice("give another backup; the store is as it was"),
            Self::NotWhole { .. } => return vec![Remedy::VerifyStore, Remedy::Salvage],
            Self::InUse { .. } => {
                return vec![Remedy::Advice("let the server use another alias first"), Remedy::Force];
            }
            Self::Needed { .. } => {
                return vec![
                    Remedy::Advice("import the CA certificate that replaces it first"),
                    Remedy::Force,
                ];
            }
            Self::Removed { alias } => Remedy::BringBack { alias: alias.to_string() },
            Self::NothingToUndo { alias, removed: true } => Remedy::FreeAlias { alias: alias.to_string() },
            Self::InvalidValue { .. } => return Vec::new(),
            Self::NoSuchVersion { alias, .. }
            | Self::VersionPruned { alias, .. }
            | Self::SameVersion { alias, .. }
            | Self::NothingToUndo { alias, .. } => Remedy::ListVersions { alias: alias.to_string() },
            Self::NotAStore => Remedy::GiveStorePath,
            Self::SchemaFromFuture { .. } => Remedy::Advice("use the program that made it, or a newer one"),
            Self::Busy | Self::Held => {
                Remedy::Advice("try again; if it stays, look for a process that holds the store open")
            }
            Self::ReadOnly | Self::NeedsRecovery => Remedy::RunAsOwner,
            Self::LogOnReadOnly { .. } => Remedy::Advice(
                "copy the store together with that file into a folder that can be written, and read the copy",
            ),
            Self::Full => Remedy::Advice("free some space and try again; the store is unchanged"),
            Self::NotCompacted(_) => Remedy::Rekey,
            Self::Corrupt { .. } => return vec![Remedy::VerifyStore, Remedy::Restore],
            Self::VersionDamaged { alias, whole, .. } => {
                let back = whole.map(|version| Remedy::GoBackTo { alias: alias.to_string(), version });
                let restore = Remedy::RestoreOnly { alias: alias.to_string() };
                return back.into_iter().chain([restore]).collect();
            }
            Self::HeadDamaged { alias, .. } => {
                let alias = || alias.to_string();
                return vec![
                    Remedy::RestoreOnly { alias: alias() },
                    Remedy::RemoveDamaged { alias: alias() },
                ];
            }
            Self::SlotDamaged { slot, foreign } => Remedy::MendSlot { slot: *slot, foreign: *foreign },
            Self::OutcomeUnknown(uncertain) => {
                return match uncertain.seen() {
                    CommitOutcome::Present => vec![Remedy::ReadLog],
                    CommitOutcome::Absent => vec![Remedy::Advice("try again"), Remedy::ReadLog],
                    CommitOutcome::Unreadable => vec![Remedy::ReadLog, Remedy::VerifyStore],
                };
            }
            Self::AliasTaken { .. } => {
                return vec![Remedy::Advice("choose another alias"), Remedy::Replace];
            }
            Self::NotFound { .. } => Remedy::ListEntries,
            Self::HostNotNamed { .. } => Remedy::Advice("bind an entry whose certificate is for that host"),
            Self::HostNotBound { .. } => Remedy::ListBindings,
            Self::UserExists { .. } | Self::NoSuchUser { .. } => Remedy::ListUsers,
            Self::Failed { .. } => return Vec::new(),
        }]
    }
}
