// Attack: a prepared repository has files of any size and of any time that its file system can tell. What is reckoned
// with them must not end the process, and all other repositories with it.

import Testing

@testable import GitHost

@Suite struct ArithmeticTests {
    @Test("loose objects of any size are counted")
    func samples() {
        var census = PackUpkeep.Census()
        census.addSample(size: 10)
        #expect(census.looseObjects == 256 && census.looseBytes == 2560)
        for _ in 0..<3 { census.addSample(size: .max) }
        #expect(census.looseBytes == UInt64(Int64.max))
    }

    @Test("a config file may have been changed at any time", arguments: [Int64.min, 0, .max])
    func times(seconds: Int64) { #expect(GitConfigFile.isRecent(seconds) == (seconds == .max)) }
}
