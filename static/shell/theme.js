// Runs before the page is painted: the theme and the sidebar as the user left them. The keys and values are the admin theme's own,
// so that a choice made on one kind of page holds on the other.
(function () {
  const root = document.documentElement;
  const read = (key, fallback) => { try { return localStorage.getItem(key) ?? fallback; } catch { return fallback; } };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const paint = () => {
    const theme = read('adminTheme', '"auto"').replaceAll('"', '');
    root.classList.toggle('dark', theme === 'dark' || (theme === 'auto' && dark.matches));
    root.dataset.theme = theme;
  };
  paint();
  dark.addEventListener('change', paint);
  window.addEventListener('storage', paint);
  document.addEventListener('shell:theme', paint);
  root.dataset.sidebar = read('sidebarDesktopOpen', '1') === '1' ? 'open' : 'closed';
})();
