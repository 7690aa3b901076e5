//! delete: an entry goes. Its versions stay in the store, sealed, and the command can bring it back.

use strongroom::Alias;

use super::{Answer, DonePage, Page, Undo, certificates};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::{
        Format, field,
        object::{Object, Success},
    },
};

pub(super) async fn delete(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    // Says 404 as the resource itself does; clients read the code.
    let alias = certificates::entry_or_damaged(state, request).await?;
    let force = request.fields.boolean(field::FORCE)?.unwrap_or(false);
    let (at, actor, name) = (state.now(), user.actor(), alias.key());
    let removed = state.run(Task::Delete, move |keystore| {
        let server = keystore.used_by(&alias).ok().flatten();
        Ok((keystore.acting_as(&actor).remove(&alias, force, at)?, server))
    });
    let (lost, server) = removed.await?;
    let shown = server.map(|server| {
        format!("{server} used it: its last certificate stays shown until that server stops, or another entry is chosen")
    });
    Ok(match request.format {
        Format::Html => Answer::Page(Page::Done(deleted(request, &name, &lost, shown))),
        Format::Json | Format::Pjson => {
            let shown = shown.map(|shown| format!("still_shown: {shown}"));
            Answer::Object(Object::Success(Success::new(
                shown.into_iter().chain(lost.iter().map(loses)).collect(),
            )))
        }
    })
}

fn deleted(request: &Request, name: &str, lost: &[Alias], shown: Option<String>) -> DonePage {
    let list = request.address.list();
    let kept = "Its versions are kept, and it can be brought back.".to_owned();
    DonePage {
        title: "Deleted",
        message: format!("{name} was deleted."),
        notes: std::iter::once(kept)
            .chain(shown.map(|shown| format!("{shown}.")))
            .chain(lost.iter().map(|alias| format!("{alias} no longer has a complete chain.")))
            .collect(),
        findings: Vec::new(),
        undo: Some(Undo {
            address: format!("{list}/{name}/rollBack"),
            label: "Bring it back".to_owned(),
            fields: Vec::new(),
        }),
        next: list,
        next_label: "Certificates",
    }
}

fn loses(alias: &Alias) -> String {
    format!("chain_lost: the entry \"{}\" no longer has a complete chain", alias.key())
}
