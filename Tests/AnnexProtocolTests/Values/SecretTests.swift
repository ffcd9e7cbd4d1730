import AnnexProtocol
import Testing

@Suite struct SecretTests {
    private struct Login {
        var user = "bob"
        var password = Secret("hunter2")
    }

    @Test func printsAsRedactedEverywhere() {
        let login = Login()
        var dumped = ""
        dump(login, to: &dumped)
        for text in [
            "\(login.password)", String(reflecting: login.password), "\(login)", dumped, "\([login.password])",
        ] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(login.password)" == "<redacted>")
        #expect(dumped.contains("bob"))
    }

    @Test func revealsOnDemand() { #expect(Secret([1, 2, 3]).reveal() == [1, 2, 3]) }
}
