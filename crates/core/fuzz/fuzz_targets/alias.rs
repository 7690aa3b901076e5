//! Aliases: what is accepted comes back as it went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::Alias;

fuzz_target!(|text: &str| {
    let Ok(alias) = text.parse::<Alias>() else {
        return;
    };
    assert_eq!(alias.as_str(), text);
    assert_eq!(String::from(alias.clone()), alias.to_string());
    let key: Alias = alias.key().parse().expect("the key of an alias is an alias");
    assert_eq!((key.key(), &key), (alias.key(), &alias));
    for suffix in ["issuer", "intermediate12"] {
        let longer = alias.with_suffix(suffix);
        assert_eq!(longer.as_str().parse::<Alias>().as_ref(), Ok(&longer));
        // Cut to the longest alias, a text that ends so already may come back, in whatever case.
        let ends_so = text.to_ascii_lowercase().ends_with(suffix);
        assert!(longer.as_str().ends_with(suffix) && (longer != alias || ends_so));
    }
});
