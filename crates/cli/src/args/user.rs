//! Arguments of the commands that say who may use the API.

use clap::{Args, Subcommand};
use strongroom::{
    account::AccountName,
    privilege::{Privilege, Privileges},
};

use crate::source::PasswordSource;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum User {
    /// Add an administrator
    Add {
        #[command(flatten)]
        password: NewPassword,
        /// What the administrator may do, with commas between: list, import, delete, export, administer, audit, or all
        #[arg(long, value_name = "PRIVILEGES", value_parser = privileges, default_value = "all")]
        privileges: Privileges,
    },
    /// Give an administrator another password, which ends all its tokens
    Passwd(NewPassword),
    /// Change what an administrator may do, also with the tokens that it has
    Privileges {
        /// The user name
        name: AccountName,
        /// What the administrator may do from now on, as for add
        #[arg(value_name = "PRIVILEGES", value_parser = privileges)]
        privileges: Privileges,
    },
    /// End all tokens of an administrator, who may sign in again
    Revoke {
        /// The user name
        name: AccountName,
    },
    /// Remove an administrator
    Rm {
        /// The user name
        name: AccountName,
    },
    /// List the administrators
    Ls,
}

#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// The user name
    pub(crate) name: AccountName,
    /// Where the new password comes from, as for import
    #[arg(long = "pass-in", value_name = "SRC")]
    pub(crate) source: Option<PasswordSource>,
}

fn privileges(text: &str) -> Result<Privileges, String> {
    if text == "all" {
        return Ok(Privileges::ALL);
    }
    let words: Result<Privileges, _> = text.split(',').map(str::parse::<Privilege>).collect();
    words.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_words_with_commas_between() {
        assert_eq!(privileges("all"), Ok(Privileges::ALL));
        assert_eq!(privileges("audit,list").unwrap().to_string(), "list,audit");
        for bad in ["", "list,", "List", "list, import"] {
            assert!(privileges(bad).unwrap_err().starts_with("there is no privilege \""), "{bad:?}");
        }
    }
}
