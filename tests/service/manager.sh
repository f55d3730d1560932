# The first process of a machine of its own: its folders are this test's, and systemd is its service manager.
set -eu
kind=$1 scratch=$2 base=$3 site=$4 source=$5
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# The program, where a service that sees no home can see it.
mount -t tmpfs tmpfs /opt
mkdir -p /opt/base /opt/site /opt/source /opt/musicsyncd/bin /opt/targets
mount --bind "$base" /opt/base
mount --bind "$site" /opt/site
mount --bind "$source" /opt/source
ln -s "/opt/base/bin/$6" /opt/musicsyncd/bin/python
printf 'home = /opt/base/bin\n' > /opt/musicsyncd/pyvenv.cfg
mkdir -p "/opt/musicsyncd/lib/$6/site-packages"
printf '/opt/site\n/opt/source\n' > "/opt/musicsyncd/lib/$6/site-packages/all.pth"
{ echo /opt/base/lib; cat /etc/ld.so.conf 2>/dev/null || true; } > /opt/ld.conf
ldconfig -f /opt/ld.conf -C /opt/ld.cache 2>/dev/null
touch /etc/ld.so.cache
mount --bind /opt/ld.cache /etc/ld.so.cache
# A disk of its own below each folder that is written, and where disks are mounted.
mkdir -p "$scratch/lib" "$scratch/etc" "$scratch/units" /etc/musicsyncd /etc/systemd/system
mount --bind "$scratch/lib" /var/lib
mount --bind "$scratch/etc" /etc/musicsyncd
mount --bind "$scratch/units" /etc/systemd/system
mkdir /opt/scratch
mount --bind "$scratch" /opt/scratch
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
mount -t tmpfs tmpfs /media
mkdir /media/later
chmod 755 /media /opt
for target in test basic sysinit shutdown network-online multi-user default; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" > "/opt/targets/$target.target"
done
mkdir /media/music
# As on any machine with systemd: what is mounted later is seen by services that run already.
mount --make-rshared /
export container=unshare
if [ "$kind" = system ]; then
  export SYSTEMD_UNIT_PATH=/etc/systemd/system:/opt/targets
  exec /lib/systemd/systemd --system --unit=test.target --log-target=console --log-level=warning
fi
mkdir -p /opt/scratch/home
export XDG_RUNTIME_DIR=/run/user/0 HOME=/opt/scratch/home
export SYSTEMD_UNIT_PATH="$HOME/.config/systemd/user:/opt/targets"
/lib/systemd/systemd --user --unit=test.target --log-target=console --log-level=warning &  # it wants not to be the first
wait
