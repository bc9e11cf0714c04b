//! Requests that a page of another site makes through its visitor's browser, which reaches this machine, or
//! holds a password for us, where the page itself does not.

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};

/// Whether a page of another site makes the request, other than by leading its visitor here. Who asks may have read
/// nothing: that it is asked (a silence, a costly query) is the harm. The rule is that of Go's `http.CrossOriginProtection`,
/// for reading too: what browsers say of it themselves
/// (<https://www.w3.org/TR/fetch-metadata/>), else the page's origin; who says neither is no browser of today.
pub fn is_from_elsewhere(method: &Method, headers: &HeaderMap, uri: &Uri, external_url: Option<&str>) -> bool {
    match text(headers, "sec-fetch-site") {
        Some("same-origin" | "none") => false,
        Some(_) => !is_visit(method, headers),
        None => headers.contains_key(ORIGIN) && !is_ours(headers, uri, external_url),
    }
}

/// Whether somebody follows a link: what is asked for takes the place of the page, and is not within it.
fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name, what| text(headers, name) == Some(what);
    method == Method::GET && says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// Whether the page that asks is at the address that it asks, or at that which people use.
fn is_ours(headers: &HeaderMap, uri: &Uri, external_url: Option<&str>) -> bool {
    let of_url = |url: &str| Some(url.parse::<Uri>().ok()?.authority()?.as_str().to_ascii_lowercase());
    let Some(origin) = headers.get(ORIGIN).and_then(|origin| of_url(origin.to_str().ok()?)) else { return false };
    let asked = authority(headers, uri).map(str::to_ascii_lowercase);
    [asked, external_url.and_then(of_url)].into_iter().flatten().any(|ours| ours == origin)
}

/// The name and port that are asked, if the request says so: HTTP/2 has them in the address.
pub fn authority<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(|authority| authority.as_str()).or(header)
}

/// Whether the body is said to be JSON: a page of another site cannot say so without asking first.
pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What is not text is nothing that is let in.
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &Method, pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:9470".parse().unwrap());
        pairs.iter().for_each(|(name, value)| _ = headers.insert(*name, value.parse().unwrap()));
        is_from_elsewhere(method, &headers, &Uri::from_static("/x"), Some("https://steadfast.example.com/x"))
    }

    #[test]
    fn a_page_of_another_site_may_lead_here_and_no_more() {
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert!(!refused(&Method::GET, &link));
        assert!(refused(&Method::POST, &link), "a form");
        assert!(refused(&Method::GET, &[link[0], link[1], ("sec-fetch-dest", "iframe")]));
        assert!(refused(&Method::GET, &[link[0], ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]));
        for site in ["cross-site", "same-site", "what comes next", "\u{e4}"] {
            assert!(refused(&Method::GET, &[("sec-fetch-site", site)]), "{site}");
            assert!(refused(&Method::DELETE, &[("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn our_own_pages_people_and_programs_may() {
        assert!(!refused(&Method::POST, &[]));
        for site in ["same-origin", "none"] {
            // Behind a proxy, the origin is that of the proxy.
            assert!(!refused(&Method::POST, &[("sec-fetch-site", site), ("origin", "https://grafana")]), "{site}");
        }
        for (origin, is_refused) in [
            ("http://127.0.0.1:9470", false),
            ("https://STEADFAST.example.com", false),
            ("http://127.0.0.1:9471", true),
            ("https://elsewhere.example", true),
            ("null", true),
        ] {
            assert_eq!(refused(&Method::POST, &[("origin", origin)]), is_refused, "{origin}");
            assert_eq!(refused(&Method::GET, &[("origin", origin)]), is_refused, "{origin}");
        }
    }

    #[test]
    fn over_http_2_the_name_that_is_asked_is_in_the_address() {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, "https://here.example:9470".parse().unwrap());
        let asked =
            |address: &'static str| is_from_elsewhere(&Method::POST, &headers, &Uri::from_static(address), None);
        assert!(!asked("https://here.example:9470/x") && asked("https://elsewhere.example/x"));
    }
}
