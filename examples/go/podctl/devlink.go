// SPDX-License-Identifier: LGPL-2.1-or-later

package main

// What devlink has and the netlink library has not (yet): requests with the text that comes
// with an error, parameters, resources, reload, the function's nested instance. All of it by
// the library's own package nl.

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// linux/devlink.h
const (
	cmdNew          = 3
	cmdDel          = 4
	cmdResourceDump = 36
	cmdReload       = 37
	cmdParamGet     = 38
	cmdParamSet     = 39
	cmdParamNew     = 40
	cmdParamDel     = 41

	attrResourceList   = 63
	attrResource       = 64
	attrResourceName   = 65
	attrResourceID     = 66
	attrResourceSize   = 67
	attrParam          = 80
	attrParamName      = 81
	attrParamType      = 83
	attrParamValues    = 84
	attrParamValue     = 85
	attrParamValueData = 86
	attrParamCmode     = 87
	attrNetnsFd        = 138

	functionAttrNested = 5

	// linux/netlink.h
	flagCapped  = 0x100
	flagAckTLVs = 0x200
	ackAttrText = 1
)

var native = nl.NativeEndian()

// device is the handle of an instance: "pci/0000:03:00.0".
type device struct{ Bus, Name string }

func (d device) String() string { return d.Bus + "/" + d.Name }

func parseDevice(handle string) (device, error) {
	part := strings.Split(handle, "/")
	if len(part) != 2 || part[0] == "" || part[1] == "" {
		return device{}, fmt.Errorf("%q is not BUS/NAME, such as pci/0000:03:00.0", handle)
	}
	return device{part[0], part[1]}, nil
}

// zeroTerminated is a string as devlink's attributes hold it.
func zeroTerminated(s string) []byte { return append([]byte(s), 0) }

func (d device) attrs() []*nl.RtAttr {
	return []*nl.RtAttr{
		nl.NewRtAttr(nl.DEVLINK_ATTR_BUS_NAME, zeroTerminated(d.Bus)),
		nl.NewRtAttr(nl.DEVLINK_ATTR_DEV_NAME, zeroTerminated(d.Name)),
	}
}

// eachAttr calls f with every attribute of a message's payload or of a nest.
func eachAttr(data []byte, f func(kind uint16, value []byte)) error {
	attrs, err := nl.ParseRouteAttr(data)
	for _, a := range attrs {
		f(a.Attr.Type&0x3fff, a.Value)
	}
	return err
}

func text(value []byte) string { return strings.TrimRight(string(value), "\x00") }

// familyID is asked for once; it does not change while the module is loaded.
var family struct {
	sync.Mutex
	id int
}

func familyID() (int, error) {
	family.Lock()
	defer family.Unlock()
	if family.id == 0 {
		found, err := netlink.GenlFamilyGet(nl.GENL_DEVLINK_NAME)
		if err != nil {
			return 0, fmt.Errorf("no devlink here: %w", err)
		}
		family.id = int(found.ID)
	}
	return family.id, nil
}

// conn is a socket for requests, one after another.
type conn struct{ socket *nl.NetlinkSocket }

// dial opens one in namespace ns (netns.None(): here).
func dial(ns netns.NsHandle) (*conn, error) {
	socket, err := nl.GetNetlinkSocketAt(ns, netns.None(), unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, option, 1)
	}
	return &conn{socket}, nil
}

func (c *conn) close() { c.socket.Close() }

// request sends one command and returns the payloads of what is answered. An error holds the
// text that the driver gave, if any.
func (c *conn) request(cmd uint8, flags int, attrs ...*nl.RtAttr) ([][]byte, error) {
	id, err := familyID()
	if err != nil {
		return nil, err
	}
	req := nl.NewNetlinkRequest(id, flags)
	req.AddData(&nl.Genlmsg{Command: cmd, Version: nl.GENL_DEVLINK_VERSION})
	for _, a := range attrs {
		req.AddData(a)
	}
	if err := c.socket.Send(req); err != nil {
		return nil, err
	}
	return answers(c.socket, req.Seq)
}

// request is for one alone, from here.
func request(cmd uint8, flags int, attrs ...*nl.RtAttr) ([][]byte, error) {
	c, err := dial(netns.None())
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.request(cmd, flags, attrs...)
}

func answers(socket *nl.NetlinkSocket, seq uint32) ([][]byte, error) {
	var got [][]byte
	for {
		msgs, _, err := socket.Receive()
		if err != nil {
			return nil, err
		}
		for _, m := range msgs {
			switch {
			case m.Header.Seq != seq:
			case m.Header.Type == unix.NLMSG_DONE, m.Header.Type == unix.NLMSG_ERROR:
				return got, ackError(m.Header.Type, m.Header.Flags, m.Data)
			default:
				got = append(got, m.Data)
			}
		}
	}
}

func ackError(kind, flags uint16, data []byte) error {
	if len(data) < 4 {
		return nil
	}
	errno := unix.Errno(-int32(native.Uint32(data)))
	if errno == 0 {
		return nil
	}
	at := 4 // of a dump's end
	if kind == unix.NLMSG_ERROR {
		at += unix.SizeofNlMsghdr
		if flags&flagCapped == 0 && len(data) >= 8 {
			at = 4 + int(native.Uint32(data[4:])) // the request as it was
		}
	}
	why := ""
	if flags&flagAckTLVs != 0 && at <= len(data) {
		eachAttr(data[at:], func(kind uint16, value []byte) {
			if kind == ackAttrText {
				why = text(value)
			}
		})
	}
	if why != "" {
		return fmt.Errorf("%s (%w)", why, errno)
	}
	return errno
}

// function is the state of what is behind a port, as far as the library does not tell it.
type function struct {
	Active, Attached bool
	Nested           device // the function's own instance, once it has one
}

func (c *conn) getFunction(d device, port uint32) (function, error) {
	var fn function
	attrs := append(d.attrs(), nl.NewRtAttr(nl.DEVLINK_ATTR_PORT_INDEX, nl.Uint32Attr(port)))
	msgs, err := c.request(nl.DEVLINK_CMD_PORT_GET, unix.NLM_F_ACK, attrs...)
	if err != nil || len(msgs) == 0 {
		return fn, err
	}
	err = eachAttr(msgs[0][nl.SizeofGenlmsg:], func(kind uint16, value []byte) {
		if kind == nl.DEVLINK_ATTR_PORT_FUNCTION {
			eachAttr(value, fn.parse)
		}
	})
	return fn, err
}

func (fn *function) parse(kind uint16, value []byte) {
	switch kind {
	case nl.DEVLINK_PORT_FN_ATTR_STATE:
		fn.Active = value[0] == nl.DEVLINK_PORT_FN_STATE_ACTIVE
	case nl.DEVLINK_PORT_FN_ATTR_OPSTATE:
		fn.Attached = value[0] == nl.DEVLINK_PORT_FN_OPSTATE_ATTACHED
	case functionAttrNested:
		eachAttr(value, func(kind uint16, value []byte) {
			switch kind {
			case nl.DEVLINK_ATTR_BUS_NAME:
				fn.Nested.Bus = text(value)
			case nl.DEVLINK_ATTR_DEV_NAME:
				fn.Nested.Name = text(value)
			}
		})
	}
}

// exists tells whether there is an instance of that name in the namespace of c.
func (c *conn) exists(d device) bool {
	_, err := c.request(nl.DEVLINK_CMD_GET, unix.NLM_F_ACK, d.attrs()...)
	return err == nil
}

// reload reinitializes an instance: in place, or into namespace ns.
func (c *conn) reload(d device, ns netns.NsHandle) error {
	attrs := d.attrs()
	if ns.IsOpen() {
		attrs = append(attrs, nl.NewRtAttr(attrNetnsFd, nl.Uint32Attr(uint32(ns))))
	}
	_, err := c.request(cmdReload, unix.NLM_F_ACK, attrs...)
	return err
}

type resource struct {
	Name  string     `json:"name"`
	ID    uint64     `json:"id"`
	Size  uint64     `json:"size"`
	Below []resource `json:"resources,omitempty"`
}

func parseResources(list []byte) (all []resource) {
	eachAttr(list, func(kind uint16, nest []byte) {
		var r resource
		eachAttr(nest, func(kind uint16, value []byte) {
			switch kind {
			case attrResourceName:
				r.Name = text(value)
			case attrResourceID:
				r.ID = native.Uint64(value)
			case attrResourceSize:
				r.Size = native.Uint64(value)
			case attrResourceList:
				r.Below = parseResources(value)
			}
		})
		all = append(all, r)
	})
	return all
}

func getResources(d device) ([]resource, error) {
	msgs, err := request(cmdResourceDump, 0, d.attrs()...)
	all := []resource{}
	for _, m := range msgs {
		eachAttr(m[nl.SizeofGenlmsg:], func(kind uint16, value []byte) {
			if kind == attrResourceList {
				all = append(all, parseResources(value)...)
			}
		})
	}
	return all, err
}

// The types and configuration modes of a parameter.
const (
	typeU8     = 1
	typeU16    = 2
	typeU32    = 3
	typeU64    = 4
	typeString = 5
	typeFlag   = 6
)

var cmodes = []string{"runtime", "driverinit", "permanent"}

type param struct {
	Name   string            `json:"name"`
	Kind   uint8             `json:"-"`
	Values map[string]string `json:"values"` // by configuration mode
}

func formatValue(kind uint8, data []byte, set bool) string {
	switch {
	case kind == typeFlag:
		return strconv.FormatBool(set)
	case kind == typeU8 && len(data) == 1:
		return fmt.Sprint(data[0])
	case kind == typeU16 && len(data) == 2:
		return fmt.Sprint(native.Uint16(data))
	case kind == typeU32 && len(data) == 4:
		return fmt.Sprint(native.Uint32(data))
	case kind == typeU64 && len(data) == 8:
		return fmt.Sprint(native.Uint64(data))
	case kind == typeString:
		return text(data)
	}
	return fmt.Sprintf("%x", data)
}

func parseParam(nest []byte) param {
	p := param{Values: map[string]string{}}
	// The type comes before the values, which need it.
	eachAttr(nest, func(kind uint16, value []byte) {
		switch kind {
		case attrParamName:
			p.Name = text(value)
		case attrParamType:
			p.Kind = value[0]
		case attrParamValues:
			eachAttr(value, func(_ uint16, one []byte) { p.addValue(one) })
		}
	})
	return p
}

func (p *param) addValue(nest []byte) {
	var data []byte
	cmode, set := "?", false
	eachAttr(nest, func(kind uint16, value []byte) {
		switch kind {
		case attrParamValueData:
			data, set = value, true
		case attrParamCmode:
			if int(value[0]) < len(cmodes) {
				cmode = cmodes[value[0]]
			}
		}
	})
	p.Values[cmode] = formatValue(p.Kind, data, set)
}

// getParams returns the parameters of one instance.
func getParams(d device) ([]param, error) {
	msgs, err := request(cmdParamGet, unix.NLM_F_DUMP, d.attrs()...)
	all := []param{}
	for _, m := range msgs {
		var owner device
		eachAttr(m[nl.SizeofGenlmsg:], func(kind uint16, value []byte) {
			switch kind {
			case nl.DEVLINK_ATTR_BUS_NAME:
				owner.Bus = text(value)
			case nl.DEVLINK_ATTR_DEV_NAME:
				owner.Name = text(value)
			case attrParam:
				if owner == d {
					all = append(all, parseParam(value))
				}
			}
		})
	}
	return all, err
}

func encodeValue(kind uint8, value string) ([]byte, error) {
	size := map[uint8]int{typeU8: 8, typeU16: 16, typeU32: 32, typeU64: 64}[kind]
	if size == 0 {
		return zeroTerminated(value), nil
	}
	number, err := strconv.ParseUint(value, 0, size)
	if err != nil {
		return nil, err
	}
	data := nl.Uint64Attr(number)
	switch kind {
	case typeU8:
		data = nl.Uint8Attr(uint8(number))
	case typeU16:
		data = nl.Uint16Attr(uint16(number))
	case typeU32:
		data = nl.Uint32Attr(uint32(number))
	}
	return data, nil
}

// setParam sets a parameter in its configuration mode cmode ("": the only one it has).
func setParam(d device, name, value, cmode string) error {
	all, err := getParams(d)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Name != name {
			continue
		}
		for number, word := range cmodes {
			if _, has := p.Values[word]; has && (cmode == word || cmode == "") {
				return sendParam(d, p, value, uint8(number))
			}
		}
		return fmt.Errorf("%s has no value with configuration mode %q", name, cmode)
	}
	return fmt.Errorf("%s has no parameter %q", d, name)
}

func sendParam(d device, p param, value string, cmode uint8) error {
	attrs := append(d.attrs(),
		nl.NewRtAttr(attrParamName, zeroTerminated(p.Name)),
		nl.NewRtAttr(attrParamType, nl.Uint8Attr(p.Kind)),
		nl.NewRtAttr(attrParamCmode, nl.Uint8Attr(cmode)))
	if p.Kind == typeFlag {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return err
		}
		if on { // a flag is there or it is not
			attrs = append(attrs, nl.NewRtAttr(attrParamValueData, nil))
		}
	} else {
		data, err := encodeValue(p.Kind, value)
		if err != nil {
			return err
		}
		attrs = append(attrs, nl.NewRtAttr(attrParamValueData, data))
	}
	_, err := request(cmdParamSet, unix.NLM_F_ACK, attrs...)
	return err
}
