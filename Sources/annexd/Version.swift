/// The version of this build, as `annexd --version` prints it.
enum Version {
    static let current = "0.1.0"
}
