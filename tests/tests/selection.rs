//! The rule by which an entry answers, against what it says of itself: any entries, any client, any order.

use proptest::prelude::*;
use strongroom::select::{ClientKeys, Contender, Loss, NameMatch, ServerKey, select_entry};

const NOW: i64 = 1_000;

#[derive(Clone, Debug)]
struct Wanted {
    alias: String,
    matched: NameMatch,
    key: ServerKey,
    not_before: i64,
    not_after: i64,
    bound: bool,
}

impl Wanted {
    fn contender(&self) -> Contender<'_> {
        Contender::new(&self.alias, self.matched, self.key, self.not_before, self.not_after).bound(self.bound)
    }
}

fn entry() -> impl Strategy<Value = Wanted> {
    let matched = prop_oneof![Just(NameMatch::Exact), Just(NameMatch::Wildcard), Just(NameMatch::Default)];
    let key = prop_oneof![
        Just(ServerKey::Rsa),
        Just(ServerKey::P256),
        Just(ServerKey::P384),
        Just(ServerKey::Ed25519),
        Just(ServerKey::Unusable)
    ];
    // Few values, so that most are equal in most.
    let dates = (0..3_i64, 0..3_i64).prop_map(|(from, to)| (NOW - 1 + from, NOW - 1 + to));
    ("[a-cA-C]{1,2}", matched, key, dates, any::<bool>()).prop_map(|(alias, matched, key, dates, bound)| {
        Wanted { alias, matched, key, not_before: dates.0, not_after: dates.1, bound }
    })
}

fn clients() -> impl Strategy<Value = ClientKeys> {
    prop_oneof![Just(ClientKeys::ANY), Just(ClientKeys::rsa_only()), Just(ClientKeys::tls12())]
}

/// The rule, step by step, in other words than the engine's.
fn by_the_words(entries: &[Wanted], client: ClientKeys) -> Option<String> {
    let mut left: Vec<&Wanted> = entries.iter().collect();
    let keep = |left: &mut Vec<&Wanted>, good: &dyn Fn(&Wanted) -> bool| {
        if left.iter().any(|entry| good(entry)) {
            left.retain(|entry| good(entry));
        }
    };
    keep(&mut left, &|entry| entry.matched != NameMatch::Default);
    keep(&mut left, &|entry| client.can_use(entry.key));
    keep(&mut left, &|entry| entry.matched == NameMatch::Exact);
    keep(&mut left, &|entry| entry.matched == NameMatch::Wildcard);
    keep(&mut left, &|entry| entry.not_before <= NOW && NOW <= entry.not_after);
    keep(&mut left, &|entry| entry.bound);
    let latest = left.iter().map(|entry| entry.not_before).max()?;
    left.retain(|entry| entry.not_before == latest);
    left.iter().map(|entry| entry.alias.to_ascii_lowercase()).min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_rule_is_what_its_words_say_in_any_order(
        entries in prop::collection::vec(entry(), 0..7).prop_shuffle(),
        client in clients(),
    ) {
        let place = select_entry(entries.iter().map(Wanted::contender), client, NOW);
        let won = place.map(|place| entries[place].alias.to_ascii_lowercase());
        prop_assert_eq!(won, by_the_words(&entries, client));
    }

    #[test]
    fn what_a_loser_is_told_is_true(
        entries in prop::collection::vec(entry(), 1..7),
        client in clients(),
    ) {
        let place = select_entry(entries.iter().map(Wanted::contender), client, NOW).unwrap();
        let winner = &entries[place];
        let valid = |entry: &Wanted| (entry.not_before..=entry.not_after).contains(&NOW);
        for (n, loser) in entries.iter().enumerate().filter(|(n, _)| *n != place) {
            let loss = winner.contender().loss_of(&loser.contender(), client, NOW);
            let holds = match loss {
                Loss::KeyOfNoUse => client.can_use(winner.key) && !client.can_use(loser.key),
                Loss::LessExact => winner.matched > loser.matched,
                Loss::Expired => valid(winner) && loser.not_after < NOW,
                Loss::NotYetValid => valid(winner) && loser.not_before > NOW,
                Loss::NotBound => winner.bound && !loser.bound,
                Loss::Older => winner.not_before > loser.not_before,
                Loss::LaterAlias => winner.alias.to_ascii_lowercase() <= loser.alias.to_ascii_lowercase(),
                _ => false,
            };
            prop_assert!(holds, "{n}: {loss:?} of {loser:?} to {winner:?}");
        }
    }

    #[test]
    fn a_client_is_never_taken_to_use_what_it_did_not_offer(
        schemes in prop::collection::vec(any::<u16>(), 0..8),
        suites in prop::collection::vec(prop_oneof![Just(0x1301_u16), Just(0xc02f), Just(0xc02b), any::<u16>()], 0..6),
        groups in prop::option::of(prop::collection::vec(20..30_u16, 0..4)),
        tls13 in any::<bool>(),
    ) {
        let keys = ClientKeys::offered(
            schemes.iter().copied(),
            suites.iter().copied(),
            groups.as_ref().map(|groups| groups.iter().copied()),
            tls13,
        );
        for key in [ServerKey::Rsa, ServerKey::P256, ServerKey::P384, ServerKey::P521, ServerKey::Ed25519] {
            if keys.can_use(key) {
                prop_assert!(schemes.iter().any(|scheme| key.schemes().contains(scheme)));
                prop_assert!(!suites.is_empty());
            }
        }
        prop_assert!(!keys.can_use(ServerKey::Unusable));
    }
}
