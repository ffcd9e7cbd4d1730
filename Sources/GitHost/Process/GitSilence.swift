/// Whether a git process is waited for, and since when: a pure decision over what happens at its pipes.
struct GitSilence: Sendable {
    /// When a process owes us something.
    enum Manner: Sendable {
        /// Whenever we write to it, or read from it.
        case alone
        /// It talks with a client through us. While the client does not take what is printed, or may still send
        /// something, it owes nothing.
        case relayed
        /// It works long without a word, as repacking does.
        case quiet
    }

    enum Event { case readBegan, readEnded, writeBegan, writeEnded, inputEnded, concluding }

    private let manner: Manner
    private var isReading = false
    private var writes = 0
    private var isInputEnded = false
    private var isConcluding = false
    private var lastEvent: ContinuousClock.Instant

    init(_ manner: Manner, at now: ContinuousClock.Instant) {
        self.manner = manner
        lastEvent = now
    }

    mutating func happened(_ event: Event, at now: ContinuousClock.Instant) {
        lastEvent = now
        switch event {
        case .readBegan: isReading = true
        case .readEnded: isReading = false
        case .writeBegan: writes += 1
        case .writeEnded: writes -= 1
        case .inputEnded: isInputEnded = true
        case .concluding: isConcluding = true
        }
    }

    /// Since when we have waited for it without a byte taken or given; nil while we do not.
    var since: ContinuousClock.Instant? {
        let isWaiting =
            switch manner {
            case .quiet: false
            case _ where isConcluding: true
            case .alone: isReading || writes > 0
            case .relayed: isReading && (writes > 0 || isInputEnded)
            }
        return isWaiting ? lastEvent : nil
    }
}
