use super::*;

const AT: i64 = 1_000;

fn contender(alias: &str, matched: NameMatch) -> Contender<'_> {
    Contender::new(alias, matched, ServerKey::Rsa, 0, 2_000)
}

#[track_caller]
fn answers<'a>(contenders: &[Contender<'a>], expected: &str) {
    for turned in 0..contenders.len() {
        let mut order = contenders.to_vec();
        order.rotate_left(turned);
        let won = select_entry(order.iter().copied(), ClientKeys::ANY, AT).map(|place| order[place].alias);
        assert_eq!(won, Some(expected));
    }
}

#[test]
fn the_more_exact_one_answers_and_then_the_valid_the_bound_the_later_the_first() {
    use NameMatch::{Default, Exact, Wildcard};
    let exact = contender("b", Exact);
    answers(&[contender("a", Default), contender("z", Wildcard)], "z");
    answers(&[contender("a", Wildcard).bound(true), exact], "b");
    let expired = Contender { not_after: AT - 1, not_before: 500, bound: true, ..contender("a", Exact) };
    answers(&[expired, exact], "b");
    // Also in the instant of its end it is valid.
    answers(&[Contender { not_after: AT, ..expired }, exact], "a");
    let later = Contender { not_before: 10, ..contender("c", Exact) };
    answers(&[exact.bound(true), later], "b");
    answers(&[exact, later], "c");
    answers(&[exact, contender("C", Exact)], "b");
    answers(&[contender("B2", Exact), exact, contender("c", Exact)], "b");
    assert_eq!(select_entry([], ClientKeys::ANY, AT), None);
}

#[test]
fn an_expired_exact_entry_answers_before_a_wildcard() {
    let expired = Contender { not_after: AT - 1, ..contender("a", NameMatch::Exact) };
    answers(&[expired, contender("b", NameMatch::Wildcard)], "a");
}

#[test]
fn what_the_client_cannot_use_gives_way_but_not_to_the_default() {
    let ecdsa = Contender { key: ServerKey::P256, ..contender("a", NameMatch::Exact) };
    let wild = contender("b", NameMatch::Wildcard);
    let default = contender("c", NameMatch::Default);
    let rsa = ClientKeys::rsa_only();
    assert_eq!(select_entry([ecdsa, wild, default], rsa, AT), Some(1));
    assert_eq!(wild.loss_of(&ecdsa, rsa, AT), Loss::KeyOfNoUse);
    // TLS says that they have no signature in common.
    assert_eq!(select_entry([ecdsa, default], rsa, AT), Some(0));
    assert_eq!(ecdsa.loss_of(&default, rsa, AT), Loss::LessExact);
}

#[test]
fn each_loser_is_told_what_it_lost_by() {
    let winner = Contender { not_before: 10, ..contender("m", NameMatch::Exact) }.bound(true);
    let same = Contender { alias: "n", ..winner };
    for (loser, expected) in [
        (Contender { matched: NameMatch::Wildcard, ..same }, Loss::LessExact),
        (Contender { not_after: 5, ..same }, Loss::Expired),
        (Contender { not_before: AT + 1, ..same }, Loss::NotYetValid),
        (same.bound(false), Loss::NotBound),
        (Contender { not_before: 9, ..same }, Loss::Older),
        (same, Loss::LaterAlias),
        (Contender { key: ServerKey::Unusable, ..same }, Loss::KeyOfNoUse),
    ] {
        assert_eq!(winner.loss_of(&loser, ClientKeys::ANY, AT), expected);
        assert_eq!(select_entry([loser, winner], ClientKeys::ANY, AT), Some(1), "{expected:?}");
    }
}

#[test]
fn what_a_client_offers_says_which_keys_it_can_use() {
    let of = |schemes: &[u16], suites: &[u16], groups: Option<&[u16]>, tls13| {
        let groups = groups.map(|groups| groups.iter().copied());
        let keys = ClientKeys::offered(schemes.iter().copied(), suites.iter().copied(), groups, tls13);
        ServerKey::ALL.into_iter().filter(|key| keys.can_use(*key)).collect::<Vec<_>>()
    };
    use ServerKey::{Ed25519, P256, P384, Rsa};
    let schemes = [0x0403, 0x0503, 0x0804, 0x0807];
    assert_eq!(of(&schemes, &[0x1301], None, true), [Rsa, P256, P384, Ed25519]);
    // PKCS #1 v1.5 is no signature of TLS 1.3, and one of 1.2.
    assert_eq!(of(&[0x0401], &[0xc02f], None, true), [Rsa]);
    assert_eq!(of(&[0x0201], &[0x1301], None, true), []);
    // A server without 1.3, and a client whose suites of 1.2 are RSA's alone.
    assert_eq!(of(&schemes, &[0x1301, 0xc02f], None, false), [Rsa]);
    assert_eq!(of(&schemes, &[0x1301, 0xc02f], None, true), [Rsa, P256, P384, Ed25519]);
    // In TLS 1.2 the curve of the key must be among the groups, in 1.3 not.
    let groups: &[u16] = &[23, 29];
    assert_eq!(of(&schemes, &[0xc02b], Some(groups), true), [P256, Ed25519]);
    assert_eq!(of(&schemes, &[0x1302], Some(groups), true), [Rsa, P256, P384, Ed25519]);
    assert_eq!(of(&schemes, &[0xc02b], None, true), [P256, P384, Ed25519]);
}

#[test]
fn names_are_compared_in_one_form() {
    assert_eq!(host_name("WWW.Example.COM."), "www.example.com");
    assert_eq!(wildcard_of("www.example.com").as_deref(), Some("*.example.com"));
    assert_eq!(wildcard_of("a.b.example.com").as_deref(), Some("*.b.example.com"));
    for none in ["localhost", "", ".", "a.", "*.example.com"] {
        assert_eq!(wildcard_of(none), None, "{none}");
    }
}

#[test]
fn a_scheme_leads_to_the_kind_of_key_that_signs_with_it() {
    for scheme in 0..=u16::MAX {
        let signs = ServerKey::ALL.into_iter().filter(|key| key.schemes().contains(&scheme));
        let signs: Vec<ServerKey> = signs.collect();
        let found = ServerKey::of_scheme(scheme);
        let found = [found].into_iter().filter(|key| *key != ServerKey::Unusable);
        assert_eq!(found.collect::<Vec<_>>(), signs, "{scheme:#06x}");
    }
}
