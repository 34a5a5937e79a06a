package handover

// FieldPath is the socket at which the disk's process answers for the machine as a member of V-FIELD; see package field/door. There is
// none while the machine is no member.
const FieldPath = "/viver/run/field.sock"
