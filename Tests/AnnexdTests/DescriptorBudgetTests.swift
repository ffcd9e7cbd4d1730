import Settings
import Testing

@testable import annexd

@Suite struct DescriptorBudgetTests {
    @Test(
        "what is shared out leaves descriptors for the files that are sent and for the server itself",
        arguments: [
            64, 128, 256, 1024, 4096, 65_536, 1_048_576,
        ])
    func fits(descriptors: Int) {
        let (limits, _) = DescriptorBudget.fit(Settings().limits, into: descriptors)
        // Each git process has three pipes and a handle while it runs.
        let used =
            limits.maxConnections + limits.maxRemoteConnections + limits.maxLocks
            + 4 * (limits.gitProcesses + limits.gitSlowClients)
        #expect(used <= descriptors - descriptors / 4)
        #expect(limits.maxAnonymousLocks < limits.maxLocks)
        #expect(limits.maxLocksPerClient <= max(1, limits.maxAnonymousLocks / 5), "nobody has most of them")
        #expect(limits.maxConnections > 0 && limits.maxLocks > 0 && limits.gitProcesses > 0)
    }

    @Test func nothingShrinksWhereThereAreEnough() {
        let settings = Settings().limits
        let (limits, shrunk) = DescriptorBudget.fit(settings, into: 1_048_576)
        #expect(limits == settings && shrunk.isEmpty)
        #expect(!DescriptorBudget.fit(settings, into: 128).shrunk.isEmpty)
        // Also where an operator lowers one bound and forgets the other.
        var few = settings
        few.maxAnonymousLocks = 20
        let fitted = DescriptorBudget.fit(few, into: 1_048_576)
        #expect(fitted.limits.maxLocksPerClient == 4 && fitted.shrunk.isEmpty)
    }

    @Test func whatIsWantedIsEnoughAndNoMore() {
        let settings = Settings().limits
        let wanted = DescriptorBudget.wanted(for: settings)
        #expect(DescriptorBudget.fit(settings, into: wanted).shrunk.isEmpty)
        #expect(!DescriptorBudget.fit(settings, into: wanted - 1).shrunk.isEmpty)
        // The unit's LimitNOFILE.
        #expect(wanted <= 131_072)
    }
}
