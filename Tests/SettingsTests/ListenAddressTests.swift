import Settings
import Testing

@Suite struct ListenAddressTests {
    @Test(
        arguments: [
            ("127.0.0.1:9417", ListenAddress.tcp(host: "127.0.0.1", port: 9417)),
            ("[::]:9417", .tcp(host: "::", port: 9417)), ("[fe80::1%eth0]:0", .tcp(host: "fe80::1%eth0", port: 0)),
            ("localhost:65535", .tcp(host: "localhost", port: 65_535)),
            ("unix:/run/annexd/socket", .unix(path: "/run/annexd/socket")),
        ])
    func parses(text: String, address: ListenAddress) {
        #expect(ListenAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(
        arguments: [
            "", ":", "9417", ":9417", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:1 ", "::1:80", "[]:80", "[127.0.0.1]:80", "[::1]", "a b:80", "http://a:80", "a/b:80", "unix:",
            "unix:relative", "é:80", "unix:/" + String(repeating: "x", count: 107),
        ])
    func refuses(text: String) { #expect(ListenAddress(text) == nil) }
}
