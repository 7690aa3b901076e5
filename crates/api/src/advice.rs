//! The engine's advice in the words of the API and its pages: fields and operations in place of options and commands.

use strongroom::remedy::Remedy;

/// Several remedies in one sentence; `None` for none.
pub(crate) fn sentence(remedies: &[Remedy]) -> Option<String> {
    Remedy::sentence(remedies, words)
}

/// What only the administrator of the server can do begins so.
const OPERATOR: &str = "ask the administrator of the server to";

fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Advice(text) => (*text).to_owned(),
        Remedy::Allow(code) => {
            format!("to take it all the same, {OPERATOR} import the file there with the option --allow {code}")
        }
        Remedy::ChooseEntry => {
            "choose one with the field entry: its friendly name, #n, or its SHA-256 fingerprint".to_owned()
        }
        Remedy::Replace => "send replace=true to replace the entry and keep its former version".to_owned(),
        Remedy::KeepGoing => "import the others by themselves".to_owned(),
        Remedy::RaiseLimit { needed } => {
            format!("{OPERATOR} import the {needed} files there, or import them in several parts")
        }
        Remedy::KeyPassword => {
            "export the file again with one password for the file and its private key".to_owned()
        }
        Remedy::RaiseMaxWork { needed } => {
            format!("{OPERATOR} import the file there with the option --max-work {needed}")
        }
        Remedy::RaiseMaxSize { needed } => {
            format!("{OPERATOR} import the file there with the option --max-size {needed}")
        }
        Remedy::ImportWithEmbeddedCa => {
            "the file embeds that CA: compare its fingerprint with what the CA publishes, import the file with importRootOrIntermediate and its password, then retry".to_owned()
        }
        Remedy::ImportWithChain => "send importCertificateChain=true".to_owned(),
        Remedy::ImportAuthority => {
            "import the CA certificate first, with importRootOrIntermediate, then retry".to_owned()
        }
        Remedy::ImportAuthorityWithKey { key_id: Some(id) } => format!(
            "ask the CA for its certificate with the key id {id}, and import that beside the other, with importRootOrIntermediate"
        ),
        Remedy::ImportAuthorityWithKey { key_id: None } => {
            "ask the CA for the certificate of the key that signed this one, and import that beside the other, with importRootOrIntermediate".to_owned()
        }
        Remedy::ImportAuthorities => {
            "import its CA certificates with importRootOrIntermediate".to_owned()
        }
        Remedy::FetchAuthority { url } => format!("the CA publishes its certificate at {url}"),
        Remedy::ImportServerCertificate => {
            "a server certificate is imported with its key, with importExistingServerCertificate".to_owned()
        }
        Remedy::AddPrivateKey => "send a PKCS #12 file, which has the certificate and its private key".to_owned(),
        Remedy::JoinKeyAndCertificate => "put the key and its certificate into one PKCS #12 file".to_owned(),
        Remedy::ConvertPem | Remedy::ConvertJavaKeystore => "make a PKCS #12 file of it".to_owned(),
        Remedy::CutOff { bytes } => format!("take off the first {bytes} bytes, which do not belong to the file"),
        Remedy::DecodePfx => {
            "decode the base64 between the markers, and send the result, which is a PKCS #12 file".to_owned()
        }
        Remedy::ListEntries => "the list of certificates has every alias".to_owned(),
        Remedy::ListAuthorities => "the list of certificates has the CA certificates as well".to_owned(),
        Remedy::ExportAuthority { alias } => format!("export on {alias} gives the certificate"),
        Remedy::ListBindings => format!("{OPERATOR} list what is bound to which entry"),
        Remedy::ListVersions { .. } => format!("{OPERATOR} list the versions of the entry"),
        Remedy::ListRequests => format!("{OPERATOR} list the pending certificate requests"),
        Remedy::ShowRequest { alias } => format!("generateCsr on {alias} gives it again"),
        Remedy::ReplaceRequest { alias } => {
            format!("{OPERATOR} give up the pending request for {alias}, and with it its private key")
        }
        Remedy::InstallReply { alias } => format!("import it on {alias}, with importSignedCertificate"),
        Remedy::OfferSuites { alias, suites } => format!(
            "let the web server offer cipher suites that go with both keys first, then retry: send webServerCertificateAlias={alias}&cipherSuites={suites} to update, or as a client of a server the cipherSuites to security/config/update"
        ),
        Remedy::GiveSubject => format!("{OPERATOR} make the request, and say what its subject and names are to be"),
        Remedy::ReadLog => format!("{OPERATOR} look at the log of the store"),
        Remedy::Force => "send force=true to do it all the same".to_owned(),
        Remedy::GivePassword
        | Remedy::GivePasswordOut
        | Remedy::ReadHelp
        | Remedy::StatusUnproved
        | Remedy::RunAsOwner
        | Remedy::AcceptRollback
        | Remedy::NewStore
        | Remedy::NameUnlock { .. }
        | Remedy::OtherStore
        | Remedy::WithoutGuard
        | Remedy::AddUser
        | Remedy::AnswerYes
        | Remedy::BringBack { .. }
        | Remedy::GoBackTo { .. }
        | Remedy::RestoreOnly { .. }
        | Remedy::RemoveDamaged { .. }
        | Remedy::RemoveUser { .. }
        | Remedy::Salvage
        | Remedy::Unbind { .. }
        | Remedy::GivePassphrase
        | Remedy::GiveRollbackGuard
        | Remedy::GiveLogSegment { .. }
        | Remedy::MakeRollbackGuard
        | Remedy::KeyFileMounted
        | Remedy::PasswdFromSource
        | Remedy::SlotFromSource
        | Remedy::UseOwnFolder
        | Remedy::FreeAlias { .. }
        | Remedy::EndOldCopies { .. }
        | Remedy::GiveBackupUnlock { .. }
        | Remedy::ReplaceByBackup
        | Remedy::KeepOrDropSlots { .. }
        | Remedy::MendSlot { .. }
        | Remedy::FindHardLinks { .. }
        | Remedy::GiveKeyFile
        | Remedy::GiveAnchor
        | Remedy::GiveListenAddress
        | Remedy::GiveStorePath
        | Remedy::ListSlots
        | Remedy::ListUsers
        | Remedy::MakeStore { .. }
        | Remedy::MakeStoreForNetwork
        | Remedy::Rekey
        | Remedy::RemoveSlot
        | Remedy::Restore
        | Remedy::SetMode { .. }
        | Remedy::TakeOwnership { .. }
        | Remedy::VerifyStore => format!("{OPERATOR} look after the store"),
    }
}

#[cfg(test)]
mod tests {
    use strongroom::diagnostic::DiagnosticCode;

    use super::*;

    #[test]
    fn no_advice_on_a_finding_asks_a_client_for_a_command() {
        for code in DiagnosticCode::ALL {
            let help = sentence(&code.remedies()).unwrap();
            assert!(!help.contains("strongroom"), "{code}: {help}");
            assert!(!help.contains("--") || help.contains(OPERATOR), "{code}: {help}");
        }
    }
}
