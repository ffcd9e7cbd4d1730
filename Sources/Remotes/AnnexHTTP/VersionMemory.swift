import AnnexProtocol

/// Which version of the protocol a target speaks, as far as its answers told (spec 03 §3.3).
struct VersionMemory {
    private var known: (version: P2PVersion, since: ContinuousClock.Instant)?
    private let highest: P2PVersion

    /// A target that was found to be old is tried with the highest version again after this time: it may be updated.
    static let lifetime = Duration.seconds(300)

    init(highest: P2PVersion) { self.highest = highest }

    /// What is known; nil where nothing is, or it may be out of date.
    func current(at now: ContinuousClock.Instant) -> P2PVersion? {
        guard let known else { return nil }
        return known.version < highest && known.since + Self.lifetime <= now ? nil : known.version
    }

    /// The versions to try for an operation, in order; empty where the target is known to be too old for it.
    func candidates(for operation: P2POperation, at now: ContinuousClock.Instant) -> [P2PVersion] {
        let start = current(at: now) ?? highest
        return P2PVersion.allCases.filter { $0 >= operation.firstVersion && $0 <= start }.reversed()
    }

    /// Whether `candidates` began with the highest version.
    func triesHighest(at now: ContinuousClock.Instant) -> Bool { (current(at: now) ?? highest) == highest }

    mutating func learned(_ version: P2PVersion, at now: ContinuousClock.Instant) {
        // Known already: the time runs on, so that the highest one is tried again some time.
        if known?.version != version || current(at: now) == nil { known = (version, now) }
    }

    mutating func forget() { known = nil }
}
