//! The values of `format` that are held to, each as an expression for whole texts.
//!
//! Each is narrower than its standard where validators differ (a year is not 0000, an hour has no leap second) and bounded
//! where the standard is not, so that a model cannot write on for ever. A format that is not here is only checked.
//! It must not know schemas.

use callwright_parse::schema::StringFormat;

use super::pattern::Pattern;

const DATE: &str = "[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([1-9][0-9](0[48]|[2468][048]|[13579][26])|2000)-02-29";
const TIME: &str = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+\-]([01][0-9]|2[0-3]):[0-5][0-9])";
const DURATION: &str = "P([0-9]{1,4}W|([0-9]{1,4}Y([0-9]{1,4}M([0-9]{1,4}D)?)?|[0-9]{1,4}M([0-9]{1,4}D)?|[0-9]{1,4}D)(T([0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S))?|T([0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S))";
const HOSTNAME: &str = r"[A-Za-z0-9]([A-Za-z0-9\-]{0,30}[A-Za-z0-9])?(\.[A-Za-z]([A-Za-z0-9]{0,30}[A-Za-z0-9])?){0,5}";
// At most 64 letters stand before the sign.
const EMAIL: &str = r"[A-Za-z0-9_]([A-Za-z0-9_+\-]{0,20}[A-Za-z0-9_])?(\.[A-Za-z0-9_+\-]{1,18}){0,2}@[A-Za-z0-9]([A-Za-z0-9\-]{0,30}[A-Za-z0-9])?(\.[A-Za-z]([A-Za-z0-9]{0,20}[A-Za-z0-9])?){1,4}";
const IPV4: &str = r"((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV6: &str = "([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){0,2})?::([0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){0,3})?";
const URI: &str = r"[a-z][a-z0-9+.\-]{0,15}:(//[A-Za-z0-9]([A-Za-z0-9\-]{0,30}[A-Za-z0-9])?(\.[A-Za-z]([A-Za-z0-9]{0,20}[A-Za-z0-9])?){0,5}(:[1-9][0-9]{0,3})?(/([A-Za-z0-9._~!$'()*+,;=:@/\-]|%[0-9A-F]{2}){0,200})?|///([A-Za-z0-9._~!$'()*+,;=:@/\-]|%[0-9A-F]{2}){1,100}|[A-Za-z0-9]([A-Za-z0-9._~!$'()*+,;=:@/\-]|%[0-9A-F]{2}){0,200})(\?([A-Za-z0-9._~!$'()*+,;=:@/?&\-]|%[0-9A-F]{2}){0,200})?(#([A-Za-z0-9._~!$'()*+,;=:@/?&\-]|%[0-9A-F]{2}){0,80})?";
const UUID: &str = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

/// What texts of this format look like, or `None` if the format is only checked.
pub(super) fn of(format: StringFormat) -> Option<Pattern> {
    let expression = match format {
        StringFormat::Date => DATE.to_owned(),
        StringFormat::Time => TIME.to_owned(),
        StringFormat::DateTime => format!("({DATE})T{TIME}"),
        StringFormat::Duration => DURATION.to_owned(),
        StringFormat::Email => EMAIL.to_owned(),
        StringFormat::Hostname => HOSTNAME.to_owned(),
        StringFormat::Ipv4 => IPV4.to_owned(),
        StringFormat::Ipv6 => IPV6.to_owned(),
        // Each URI is an IRI, and each is a reference.
        StringFormat::Uri | StringFormat::Iri | StringFormat::UriReference | StringFormat::IriReference => {
            URI.to_owned()
        }
        StringFormat::Uuid => UUID.to_owned(),
        _ => return None,
    };
    Pattern::of_format(&expression)
}

#[cfg(test)]
mod tests {
    use callwright_parse::schema::StringFormat;

    use super::of;

    #[test]
    fn every_format_is_an_expression_that_takes_its_like() {
        let likes = [
            ("date", "2024-02-28", "2024-02-30"),
            ("time", "12:30:00Z", "25:00:00Z"),
            ("date-time", "2024-12-31T23:59:59.5+01:00", "2024-12-31"),
            ("duration", "P1Y2M3DT4H", "P"),
            ("email", "first.last+tag@mail.example.org", "a@"),
            ("hostname", "mail.example.org", "-a"),
            ("ipv4", "192.168.0.255", "192.168.0.256"),
            ("ipv6", "2001:db8::1", "2001:::1"),
            ("uri", "https://example.org:8080/a/b?c=d#e", "example"),
            ("uuid", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "."),
        ];
        let uris = ["file:///a/b", "mailto:a@example.org", "urn:isbn:0451450523", "https://example.org"];
        let named = |name: &str| of(StringFormat::named(name).unwrap());
        let uri = || llguidance::derivre::Regex::new(&named("uri").unwrap().written()).unwrap();
        assert!(uris.into_iter().all(|like| uri().is_match(like)));
        for (name, like, unlike) in likes {
            let mut regex = llguidance::derivre::Regex::new(&named(name).unwrap().written()).unwrap();
            assert!(regex.is_match(like) && !regex.is_match(unlike), "{name}");
        }
        assert_eq!(named("regex"), None);
    }
}
